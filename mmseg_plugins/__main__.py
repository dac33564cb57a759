"""``python -m mmseg_plugins`` is the command ``mmseg-plugins``."""

import sys

from mmseg_plugins.cli.main import main

if __name__ == '__main__':
    sys.exit(main())

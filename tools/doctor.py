"""Tell what is installed and what is wrong with it: ``mmseg-plugins doctor``.  Needs nothing but Python."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from mmseg_plugins.cli.main import main

if __name__ == '__main__':
    sys.exit(main(['doctor', *sys.argv[1:]]))

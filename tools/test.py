"""Evaluate a checkpoint, as mmdetection's users know it: ``mmseg-plugins test``, also from a clone."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from mmseg_plugins.cli.main import main

if __name__ == '__main__':
    sys.exit(main(['test', *sys.argv[1:]]))

"""Print a config as the tools see it: bases merged, data variables resolved, options applied.

    python tools/misc/print_config.py configs/panet/....py
    python tools/misc/print_config.py CONFIG --cfg-options data_root=data/mine/ --save resolved.py
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from mmseg_plugins.utils.cfg_options import CfgOptions
from mmseg_plugins.utils.errors import UserError


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='config file, or mmdet::... / mmseg::...')
    parser.add_argument('--cfg-options', nargs='+', action=CfgOptions, help='overrides of the config, key=value')
    parser.add_argument('--save', type=Path, help='also write it to this .py, .json or .yml file')
    args = parser.parse_args(argv)
    from mmseg_plugins.config.load import load_config

    if args.save and args.save.suffix not in ('.py', '.json', '.yml', '.yaml'):
        parser.error(f'--save {args.save}: the suffix must be .py, .json, .yml or .yaml')
    try:
        cfg = load_config(args.config, args.cfg_options)
    except UserError as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    print(cfg.pretty_text)
    if args.save:
        args.save.parent.mkdir(parents=True, exist_ok=True)
        cfg.dump(str(args.save))
        print(f'written: {args.save}', file=sys.stderr)
    return 0


if __name__ == '__main__':
    sys.exit(main())

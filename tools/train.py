"""Train a detection or segmentation config; the exact command again resumes.

    python tools/train.py CONFIG [--work-dir DIR] [--amp] [--auto-scale-lr]
        [--resume [auto|CHECKPOINT]] [--restart] [--dry-run] [--cfg-options ...] [--launcher ...]

Without ``--resume`` the run continues from the newest checkpoint of the
working folder if there is one, else it starts; ``--restart`` ignores (and
keeps) what is there.  ``--dry-run`` builds everything, trains one iteration,
validates one batch, saves and loads one checkpoint, and stops.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

try:
    from mmseg_plugins.cli.common import add_common_arguments, prepare
    from mmseg_plugins.cli.failures import explain_failures
    from mmseg_plugins.config.load import load_config
except ImportError as error:  # an incomplete installation: say what is missing and how to mend it
    import doctor  # beside this file; needs nothing but Python

    raise SystemExit(doctor.explain(error)) from error


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='config file, or mmdet::... / mmseg::...')
    parser.add_argument('--amp', action='store_true', help='automatic mixed precision')
    parser.add_argument('--auto-scale-lr', action='store_true', help='scale the learning rate with the batch size')
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        help='resume from this checkpoint, or (auto, the default) from the newest one of the working folder',
    )
    parser.add_argument('--restart', action='store_true', help='start anew although the working folder has checkpoints')
    parser.add_argument('--dry-run', action='store_true', help='try one step of everything, then stop')
    add_common_arguments(parser)
    args = parser.parse_args(argv)
    if args.restart and args.resume is not None:
        parser.error('--restart and --resume contradict each other')
    return args


def main(argv: Sequence[str] | None = None) -> int:
    args = parse_args(argv)
    with explain_failures():
        from mmseg_plugins.engine.runner.options import build_runner, configure_training

        cfg = prepare(load_config(args.config, args.cfg_options), args)
        configure_training(cfg, args)
        if args.dry_run:
            from mmseg_plugins.engine.runner.dry_run import dry_run

            dry_run(cfg)
            return 0
        build_runner(cfg).train()
    return 0


if __name__ == '__main__':
    sys.exit(main())

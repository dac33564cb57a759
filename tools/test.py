"""Evaluate a checkpoint of a detection or segmentation config.

    python tools/test.py CONFIG CHECKPOINT [--work-dir DIR] [--out FILE.pkl]
        [--show] [--show-dir DIR] [--wait-time S] [--tta] [--cfg-options ...] [--launcher ...]
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from mmseg_plugins.utils.errors import UserError

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
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument('--out', help='dump predictions to this pickle file for offline evaluation')
    parser.add_argument('--show', action='store_true', help='show predictions in a window')
    parser.add_argument('--show-dir', help='write painted images into work_dir/<time>/SHOW_DIR')
    parser.add_argument('--wait-time', type=float, default=2, help='seconds each shown image stays')
    parser.add_argument('--tta', action='store_true', help='test-time augmentation (tta_model, tta_pipeline)')
    add_common_arguments(parser)
    args = parser.parse_args(argv)
    if args.out is not None and not args.out.endswith(('.pkl', '.pickle')):
        parser.error(f'--out {args.out} must end in .pkl or .pickle')
    return args


def main(argv: Sequence[str] | None = None) -> int:
    args = parse_args(argv)
    with explain_failures():
        from mmseg_plugins.engine.runner.options import (
            add_test_time_augmentation,
            build_runner,
            dump_metric,
            show_predictions,
        )

        cfg = prepare(load_config(args.config, args.cfg_options), args)
        if '://' not in args.checkpoint and not os.path.isfile(args.checkpoint):
            raise UserError(
                f'checkpoint {args.checkpoint!r} does not exist. Fix: give a .pth file; '
                'after training they lie in the working folder.'
            )
        cfg.load_from = args.checkpoint
        cfg.resume = False
        if args.show or args.show_dir:
            show_predictions(cfg, args)
        if args.tta:
            add_test_time_augmentation(cfg)
        runner = build_runner(cfg)
        if args.out is not None:
            runner.test_evaluator.metrics.append(dump_metric(cfg, args.out))
        runner.test()
    return 0


if __name__ == '__main__':
    sys.exit(main())

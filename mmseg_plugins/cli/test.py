"""Evaluate a checkpoint on the test data of a config.

    mmseg-plugins test CONFIG CHECKPOINT [--work-dir DIR] [--out FILE.pkl] [--show | --show-dir DIR]
        [--tta] [--cfg-options ...] [--launcher ...]
"""

from __future__ import annotations

import argparse
import os

from mmseg_plugins.cli.arguments import add_config
from mmseg_plugins.cli.common import add_common_arguments, prepare
from mmseg_plugins.cli.frame import DONE, Parser
from mmseg_plugins.utils.errors import UserError


def add_arguments(parser: Parser) -> None:
    add_config(parser)
    parser.add_argument('checkpoint', metavar='CHECKPOINT', help='.pth file')
    parser.add_argument('--out', metavar='FILE', help='dump predictions to this pickle file for offline evaluation')
    parser.add_argument('--show', action='store_true', help='show predictions in a window')
    parser.add_argument('--show-dir', help='write painted images into work_dir/<time>/SHOW_DIR')
    parser.add_argument('--wait-time', type=float, default=2, help='seconds each shown image stays')
    parser.add_argument('--tta', action='store_true', help='test-time augmentation (tta_model, tta_pipeline)')
    add_common_arguments(parser)


def run(args: argparse.Namespace) -> int:
    if args.out is not None and not args.out.endswith(('.pkl', '.pickle')):
        raise UserError(f'--out {args.out} must end in .pkl or .pickle')
    from mmengine.logging import print_log
    from mmengine.model import is_model_wrapper

    from mmseg_plugins.apis.inference import refuse_other_shapes
    from mmseg_plugins.config.variables import NO_TEST_SET, test_is_validation
    from mmseg_plugins.engine.checkpoint.safe_load import load_checkpoint_file
    from mmseg_plugins.engine.runner.options import (
        add_test_time_augmentation,
        build_runner,
        dump_metric,
        show_predictions,
    )

    cfg = prepare(args)
    if '://' not in args.checkpoint and not os.path.isfile(args.checkpoint):
        raise UserError(
            f'checkpoint {args.checkpoint!r} does not exist.',
            fix='give a .pth file; after training they lie in the working folder.',
        )
    cfg.load_from = args.checkpoint
    cfg.resume = False
    if args.show or args.show_dir:
        show_predictions(cfg, args)
    if args.tta:
        add_test_time_augmentation(cfg)
    runner = build_runner(cfg)
    if '://' not in args.checkpoint:
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        refuse_other_shapes(model, load_checkpoint_file(args.checkpoint, mmap=True), args.checkpoint)
    if args.out is not None:
        runner.test_evaluator.metrics.append(dump_metric(cfg, args.out))
    if test_is_validation(cfg):
        print_log(NO_TEST_SET, 'current')
    runner.test()
    return DONE

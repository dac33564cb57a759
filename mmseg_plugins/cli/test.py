"""Evaluate a checkpoint on the test data of a config.

    mmseg-plugins test CONFIG|NAME [CHECKPOINT] [--work-dir DIR] [--out FOLDER|FILE.pkl] [--show | --show-dir DIR]
        [--tta] [--cfg-options ...] [--launcher ...]

A shipped model is tested by its NAME alone (mmseg-plugins list --models shows them).  A model without parameters
(configs/classical) takes no checkpoint, every other one needs it.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from mmseg_plugins.cli.arguments import add_config, check_out_dir
from mmseg_plugins.cli.common import add_common_arguments, prepare
from mmseg_plugins.cli.frame import DONE, Parser
from mmseg_plugins.utils.errors import UserError


def add_arguments(parser: Parser) -> None:
    add_config(parser)
    parser.add_argument('checkpoint', metavar='CHECKPOINT', nargs='?',
                        help='.pth or .safetensors file; none for a shipped model, or one without parameters')
    parser.add_argument('--out', metavar='FOLDER',
                        help='folder to write predictions into, image by image: COCO results, PNG label maps; or a '
                        '.pkl file, which holds all scores in memory until the end')
    parser.add_argument('--show', action='store_true', help='show predictions in a window')
    parser.add_argument('--show-dir', help='write painted images into work_dir/<time>/SHOW_DIR')
    parser.add_argument('--wait-time', type=float, default=2, help='seconds each shown image stays')
    parser.add_argument('--tta', action='store_true', help='test-time augmentation (tta_model, tta_pipeline)')
    add_common_arguments(parser)


def run(args: argparse.Namespace) -> int:
    pickled = args.out is not None and args.out.endswith(('.pkl', '.pickle'))
    if args.out is not None and not pickled:
        if Path(args.out).suffix and not Path(args.out).is_dir():
            raise UserError(f'--out {args.out} must end in .pkl or .pickle, or be a folder (a name without suffix).')
        check_out_dir(Path(args.out), '--out')
    from mmengine.logging import print_log
    from mmengine.model import is_model_wrapper

    from mmseg_plugins.config.shipped import shipped_weights
    from mmseg_plugins.config.variables import NO_TEST_SET, test_is_validation
    from mmseg_plugins.engine.checkpoint.fit import (
        check_checkpoint,
        refuse_other_shapes,
        saved_meta,
        warn_of_other_names,
    )
    from mmseg_plugins.engine.checkpoint.safe_load import load_checkpoint_file
    from mmseg_plugins.engine.hooks.test_results_hook import TestResultsHook
    from mmseg_plugins.engine.runner.options import (
        add_test_time_augmentation,
        build_runner,
        dump_metric,
        show_predictions,
    )
    from mmseg_plugins.evaluation.streamed_results import StreamedResults, coco_file

    cfg = prepare(args)
    args.checkpoint = shipped_weights(args.config, args.checkpoint)
    if args.checkpoint is not None and '://' not in args.checkpoint and not os.path.isfile(args.checkpoint):
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
    model = runner.model.module if is_model_wrapper(runner.model) else runner.model
    check_checkpoint(model, args.checkpoint)
    if args.checkpoint is not None and '://' not in args.checkpoint:
        loaded = load_checkpoint_file(args.checkpoint, mmap=True)
        refuse_other_shapes(model, loaded, args.checkpoint)
        warn_of_other_names(cfg, saved_meta(loaded).get('classes'))
    if test_is_validation(cfg):
        print_log(NO_TEST_SET, 'current')
    metrics: list[Any] = []
    if pickled:
        metrics.append(dump_metric(cfg, args.out))
    elif args.out is not None:
        metrics.append(StreamedResults(args.out, ann_file=coco_file(cfg)))
    runner.register_hook(TestResultsHook(metrics))
    runner.test()
    return DONE

"""Train a detection or segmentation config; the exact command again resumes.

    mmseg-plugins train CONFIG [--work-dir DIR] [--amp] [--auto-scale-lr]
        [--resume [auto|CHECKPOINT]] [--restart] [--dry-run] [--cfg-options ...] [--launcher ...]

Without --resume the run continues from the newest checkpoint of the working
folder if there is one, else it starts; --restart ignores (and keeps) what is
there.  --dry-run builds everything, trains one iteration, validates one batch,
saves and loads one checkpoint, and stops.
"""

from __future__ import annotations

import argparse

from mmseg_plugins.cli.arguments import add_config
from mmseg_plugins.cli.common import add_common_arguments, prepare
from mmseg_plugins.cli.frame import DONE, Parser
from mmseg_plugins.utils.errors import UserError


def add_arguments(parser: Parser) -> None:
    add_config(parser)
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


def run(args: argparse.Namespace) -> int:
    if args.restart and args.resume is not None:
        raise UserError('--restart and --resume contradict each other.', fix='leave one of them out.')
    from mmseg_plugins.engine.runner.options import build_runner, configure_training

    cfg = prepare(args)
    configure_training(cfg, args)
    if args.dry_run:
        from mmseg_plugins.engine.runner.dry_run import dry_run

        dry_run(cfg)
    else:
        build_runner(cfg).train()
    return DONE

"""What ``train`` and ``test`` share before a runner exists."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from mmseg_plugins.cli.arguments import add_cfg_options, check_out_dir
from mmseg_plugins.cli.frame import Parser
from mmseg_plugins.utils.errors import UserError

if TYPE_CHECKING:
    from mmengine.config import Config


def add_common_arguments(parser: Parser) -> None:
    """Add the options that both have, as mmdetection's users know them."""
    parser.add_argument('--work-dir', help='folder for logs, checkpoints and the report')
    add_cfg_options(parser)
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none', help='job launcher')
    # torch.distributed.launch of torch >= 2.0 passes --local-rank, older ones --local_rank.
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help=argparse.SUPPRESS)


def prepare(args: argparse.Namespace) -> Config:
    """The config of the command line with launcher, working folder and device facts applied.

    The working folder is, in this order: ``--work-dir``, the config's own, and
    ``work_dirs/<config name>``.  Without a GPU the distributed backend is gloo.

    Raises:
        UserError: the config cannot be read, or has no model to build; the working folder is a file.
    """
    import torch

    from mmseg_plugins.config.load import load_config

    cfg = load_config(args.config, args.cfg_options)
    if not (cfg.get('model') or {}).get('type'):
        raise UserError(
            f'{args.config} has no model with a type: it is a part of a config.',
            fix='name the whole config in its _base_, or give another file.',
        )
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    cfg.launcher = args.launcher
    if args.work_dir is not None:
        cfg.work_dir = args.work_dir
    elif cfg.get('work_dir') is None:
        cfg.work_dir = os.path.join('work_dirs', Path(args.config).stem)
    check_out_dir(Path(cfg.work_dir), '--work-dir')
    if not torch.cuda.is_available():
        env = cfg.setdefault('env_cfg', {})
        env['dist_cfg'] = dict(env.get('dist_cfg') or {}, backend='gloo')
        _share_cores()
    return cfg


def _share_cores() -> None:
    """Give each local process its share of the cores, unless the user chose."""
    import torch

    if 'OMP_NUM_THREADS' in os.environ and 'LOCAL_WORLD_SIZE' not in os.environ:
        return
    local_processes = int(os.environ.get('LOCAL_WORLD_SIZE', '1'))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1
    torch.set_num_threads(max(1, cores // local_processes))

"""What the benchmarks of single operators share: rounds, threads, clock."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mmseg_plugins.cli.arguments import add_device, add_out_file, at_least, check_out_file
from mmseg_plugins.cli.frame import Parser
from mmseg_plugins.utils.errors import UserError


def add_timing(parser: Parser, rounds: int, device: bool = True) -> None:
    """``--rounds``, ``--device`` (without it the CPU is timed), ``--threads``, ``--clock``, ``--out-file``."""
    parser.add_argument('--rounds', type=int, default=rounds, help=f'timed runs of each (default {rounds})')
    add_device(parser) if device else parser.set_defaults(device='cpu')
    parser.add_argument('--threads', type=int, help="torch's threads; default its own choice")
    parser.add_argument('--clock', choices=['wall', 'cpu'], default='wall', help='what is counted (default wall)')
    add_out_file(parser, 'everything measured, JSON', required=False)


def start_timing(args: argparse.Namespace) -> tuple[str, Callable[[], float]]:
    """The device's name and the clock.

    Raises:
        UserError: an option of :func:`add_timing` cannot be used.
    """
    at_least(1, rounds=args.rounds, threads=args.threads)
    check_out_file(args.out_file)
    import torch

    from mmseg_plugins.utils.devices import usable_device

    device = args.device if args.clock == 'cpu' and args.device != 'auto' else str(usable_device(args.device))
    if args.clock == 'cpu' and device != 'cpu':
        raise UserError(f'--clock cpu --device {device}: processor time says nothing about another device.',
                        fix='leave --clock out, or --device cpu')
    if args.threads:
        torch.set_num_threads(args.threads)
    return device, time.process_time if args.clock == 'cpu' else time.perf_counter


def write_timing(path: Path | None, content: Mapping[str, Any]) -> None:
    """Write what was measured with the machine and the versions, if a file was asked for."""
    if path is None:
        return
    from mmseg_plugins.utils import environment

    whole = dict(content, hardware=environment.hardware(), versions=environment.versions())
    path.write_text(json.dumps(whole, indent=1) + '\n', encoding='utf-8')
    print(f'written: {path}')

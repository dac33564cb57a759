"""Our configs with what they are, their data and their scores; or the systems.

    mmseg-plugins list                  # every config
    mmseg-plugins list panet            # those of a system
    mmseg-plugins list 'solo*nuclei'    # by a pattern or a part of the name
    mmseg-plugins list --models         # the systems, each with its configs and their scores, a line each
    mmseg-plugins list --models panet   # one of them
    mmseg-plugins list --names          # names alone, one per line

A config is named by its name everywhere: mmseg-plugins train NAME.
Trained weights that the package brings along are shown with the name that needs no checkpoint:
mmseg-plugins predict NAME photos/.
Scores in [paper: ...] are the paper's; the others were measured with this code.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mmseg_plugins.cli.frame import DONE, Parser

if TYPE_CHECKING:
    from mmseg_plugins.config.catalog import ConfigInfo

LINE = 100  # columns; a score that does not fit goes to the next line


def add_arguments(parser: Parser) -> None:
    parser.add_argument('pattern', nargs='?', metavar='SYSTEM|PATTERN', help='only these')
    shown = parser.add_mutually_exclusive_group()
    shown.add_argument('--models', action='store_true', help='the systems, each with its configs and their scores')
    shown.add_argument('--names', action='store_true', help='names alone')
    shown.add_argument('--json', action='store_true', help='everything that is known, as JSON')


def run(args: argparse.Namespace) -> int:
    from mmseg_plugins.config.catalog import list_configs, list_systems

    found = list_configs(args.pattern)
    if args.models:
        titles = {one.name: one.title for one in list_systems()}
        for system in dict.fromkeys(one.system for one in found):
            configs = [one for one in found if one.system == system]
            print(f'\n{system}: {titles[system]} ({len(configs)} config{"s" * (len(configs) > 1)})')
            print('\n'.join(score_lines(configs)))
        return DONE
    if args.names:
        print('\n'.join(one.name for one in found))
    elif args.json:
        print(json.dumps([dict(name=one.name, system=one.system, dataset=one.dataset, description=one.description,
                               path=str(one.path), results=one.results, paper=one.paper, shipped=one.shipped)
                          for one in found], indent=1))
    else:
        shown = ''
        for one in found:
            if one.system != shown:
                shown = one.system
                print(f'\n{shown}')
            print(f'  {one.name}\n      {one.description}\n      data: {one.dataset}   score: {one.score}')
            print(*shipped_lines(one), sep='\n', end='\n' if one.shipped else '')
    return DONE


def score_lines(configs: Sequence[ConfigInfo]) -> list[str]:
    """Names and scores in two columns, at most ``LINE`` wide; ``-`` is not yet measured.

    Shipped weights have a line of their own.
    """
    width = max(len(one.name) for one in configs)
    lines = []
    for one in configs:
        line = f'  {one.name:<{width}}  {one.score}'
        lines += [line] if len(line) <= LINE else [f'  {one.name}', f'      {one.score}']
        lines += shipped_lines(one)
    return lines


def shipped_lines(info: ConfigInfo) -> list[str]:
    """What predicts without a training, if anything does."""
    return [f'      trained, in the package: mmseg-plugins predict {info.shipped} FOLDER'] if info.shipped else []

"""Class weights of a data set's training labels: median frequency, ENet's, LinkNet's.

    python tools/analysis_tools/class_weights.py CONFIG                           # the config's training label maps
    python tools/analysis_tools/class_weights.py CONFIG --out configs/_base_/datasets/camvid_class_weights.py
    python tools/analysis_tools/class_weights.py FOLDER --classes road car sky    # *.png, values 0, 1, 2 and 255

Prints a table and, with --out, writes a config with the three lists, to be listed in _base_ and used as

    loss_decode=dict(type='mmseg_plugins.WeightedCrossEntropyLoss', class_weight={{_base_.enet_weights}})
"""

from __future__ import annotations

import argparse
import shlex
import sys
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmseg_plugins.utils.cfg_options import CfgOptions
from mmseg_plugins.utils.errors import UserError

if TYPE_CHECKING:
    import numpy as np

    from mmseg_plugins.planning.label_counts import LabelCounts


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('source', help='config of mmseg, or a folder of label maps')
    parser.add_argument('--out', type=Path, help='write the weights there as a config')
    parser.add_argument('--split', default='train', choices=['train', 'val', 'test'], help='of a config (default '
                        'train)')
    parser.add_argument('--classes', nargs='+', help='of a folder: class names in the order of their labels')
    parser.add_argument('--suffix', default='.png', help='of a folder: the files to read (default .png)')
    parser.add_argument('--ignore', type=int, default=255, help='label of void pixels (default 255)')
    parser.add_argument('--c', type=float, default=1.02, help="c of ENet's 1 / ln(c + share) (default 1.02)")
    parser.add_argument('--shares-of', default='all', choices=['all', 'valid'],
                        help='whether void pixels count in the totals (default all: they do, as in the originals)')
    parser.add_argument('--cfg-options', nargs='+', action=CfgOptions, help='overrides of the config, key=value')
    return parser


def read_counts(args: argparse.Namespace) -> LabelCounts:
    from mmseg_plugins.config.build import build_dataset
    from mmseg_plugins.config.load import load_config
    from mmseg_plugins.planning.label_counts import count_labels, dataset_maps, folder_maps

    if Path(args.source).is_dir():
        if not args.classes:
            raise UserError(f'{args.source} is a folder, whose label maps name no classes. Fix: --classes NAME ...')
        return count_labels(folder_maps(Path(args.source), args.suffix), tuple(args.classes), args.ignore)
    cfg = load_config(args.source, args.cfg_options)
    cfg.setdefault('default_scope', 'mmseg')  # a base of a data set alone names none
    dataset = build_dataset(cfg, args.split)
    names = (getattr(dataset, 'metainfo', None) or {}).get('classes')
    if not names:
        raise UserError(f'{type(dataset).__name__} of {args.source} names no classes. Fix: metainfo=dict(classes='
                         '...) in the data set')
    return count_labels(dataset_maps(dataset), tuple(names), args.ignore)


def table(found: LabelCounts, weights: Mapping[str, np.ndarray]) -> str:
    """Class, share of the labelled pixels, images that hold it, and its weights; a line of void at the end."""
    pixels, total = found.counts.sum(axis=0), found.counts.sum()
    width = max(5, *(len(name) for name in found.names))
    lines = [f'{"class":<{width}}  pixels %  images  ' + '  '.join(f'{name.replace("_", " "):>16}' for name in weights)]
    for k, name in enumerate(found.names):
        values = '  '.join(f'{weight[k]:>16.4f}' for weight in weights.values())
        lines.append(f'{name:<{width}}  {100 * pixels[k] / total:>8.2f}  {(found.counts[:, k] > 0).sum():>6}  {values}')
    void = 100 * found.void.sum() / (total + found.void.sum())
    lines.append(f'{len(found.counts)} label maps, {void:.2f} % of all pixels void')
    absent = [name for name, number in zip(found.names, pixels, strict=True) if not number]
    if absent:
        lines.append(f'in no map, weight 0: {", ".join(absent)}')
    return '\n'.join(lines)


def config_text(found: LabelCounts, weights: Mapping[str, np.ndarray], command: str) -> str:
    """The weights as variables of a config in text style, six digits each."""
    lines = [f'# Class weights of {len(found.counts)} label maps, made by', f'#   {command}',
             f'# Classes: {", ".join(found.names)}.',
             '# List this file in _base_ and write class_weight={{_base_.NAME}}.']
    for name, values in weights.items():
        numbers = textwrap.fill(', '.join(f'{value:.6g}' for value in values), 110)
        lines.append(f'{name}_weights = [\n{textwrap.indent(numbers, "    ")}\n]')
    return '\n'.join(lines) + '\n'


def main(argv: Sequence[str] | None = None) -> int:
    argv = list(sys.argv[1:] if argv is None else argv)
    args = build_parser().parse_args(argv)
    from mmseg_plugins.planning.class_weights import enet, linknet, median_frequency

    everything = args.shares_of == 'all'
    try:
        found = read_counts(args)
        pair: Any = found.counts, found.void
        weights = dict(
            median_frequency=median_frequency(*pair, void_in_total=everything),
            enet=enet(*pair, c=args.c, void_in_total=everything),
            linknet=linknet(*pair))
    except (UserError, ValueError, OSError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    print(table(found, weights))
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        command = shlex.join(['python', 'tools/analysis_tools/class_weights.py', *argv])
        args.out.write_text(config_text(found, weights, command), encoding='utf-8')
        print(f'written: {args.out}')
    return 0


if __name__ == '__main__':
    sys.exit(main())

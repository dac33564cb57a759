"""Class weights of a data set's training labels: median frequency, ENet's, LinkNet's.

    mmseg-plugins class-weights CONFIG                           # the config's training label maps
    mmseg-plugins class-weights CONFIG --out-file configs/_base_/datasets/camvid_class_weights.py
    mmseg-plugins class-weights FOLDER --classes road car sky    # *.png, values 0, 1, 2 and 255

Prints a table and, with --out-file, writes a config with the three lists, to be listed in _base_ and used as

    loss_decode=dict(type='mmseg_plugins.WeightedCrossEntropyLoss', class_weight={{_base_.enet_weights}})
"""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from mmseg_plugins.cli.arguments import CONFIG_HELP, add_cfg_options, add_out_file, check_out_file
from mmseg_plugins.cli.frame import DONE, Parser


def add_arguments(parser: Parser) -> None:
    parser.add_argument('source', metavar='CONFIG|FOLDER', help=f'{CONFIG_HELP}, or a folder of label maps')
    add_out_file(parser, 'the weights as a config, .py', required=False)
    parser.add_argument('--split', default='train', choices=['train', 'val', 'test'], help='of a config (default '
                        'train)')
    parser.add_argument('--classes', nargs='+', help='of a folder: class names in the order of their labels')
    parser.add_argument('--suffix', default='.png', help='of a folder: the files to read (default .png)')
    parser.add_argument('--ignore', type=int, default=255, help='label of void pixels (default 255)')
    parser.add_argument('--c', type=float, default=1.02, help="c of ENet's 1 / ln(c + share) (default 1.02)")
    parser.add_argument('--shares-of', default='all', choices=['all', 'valid'],
                        help='whether void pixels count in the totals (default all: they do, as in the originals)')
    add_cfg_options(parser)


def run(args: argparse.Namespace) -> int:
    from mmseg_plugins.planning.class_weight_report import count_config, count_folder, weight_config, weight_table
    from mmseg_plugins.planning.class_weights import enet, linknet, median_frequency

    check_out_file(args.out_file, ('.py',))
    if Path(args.source).is_dir():
        found = count_folder(Path(args.source), args.classes, args.suffix, args.ignore)
    else:
        found = count_config(args.source, args.split, args.ignore, args.cfg_options)
    everything = args.shares_of == 'all'
    weights = dict(
        median_frequency=median_frequency(found.counts, found.void, void_in_total=everything),
        enet=enet(found.counts, found.void, c=args.c, void_in_total=everything),
        linknet=linknet(found.counts, found.void))
    print(weight_table(found, weights))
    if args.out_file:
        args.out_file.write_text(weight_config(found, weights, shlex.join(args.command_line)), encoding='utf-8')
        print(f'written: {args.out_file}')
    return DONE

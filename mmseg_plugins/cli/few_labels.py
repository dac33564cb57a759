"""Choose a few labelled training images of a config and write them as a list, for training with few labels.

    mmseg-plugins few-labels CONFIG --per-class 25 --out-file data/VOC2012/ImageSets/Segmentation/few_25.txt
    mmseg-plugins few-labels CONFIG --share 1/8 --out-file data/camvid/few_eighth.txt --rest-file data/camvid/rest.txt

The choice follows from the data set and --seed alone, so that every method trains on the same images; smaller
choices lie within larger ones.  With --per-class N each class (but the background) draws N images that hold it, the
rarest class first; an image is drawn for one class.  Prints the counts of each class, and how to train on the list:

    mmseg-plugins train CONFIG --cfg-options train_dataloader.dataset.ann_file=few_25.txt

Data sets of a COCO file get a COCO file (.json) of the chosen images.
"""

from __future__ import annotations

import argparse
from fractions import Fraction
from pathlib import Path

from mmseg_plugins.cli.arguments import add_cfg_options, add_config, add_out_file, at_least, check_out_file
from mmseg_plugins.cli.frame import DONE, PARTLY, Parser


def _share(text: str) -> Fraction:
    try:
        value = Fraction(text)
    except (ValueError, ZeroDivisionError):
        value = Fraction(0)
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f'{text!r} must be above 0 and at most 1, as 1/8 or 0.125')
    return value


def add_arguments(parser: Parser) -> None:
    add_config(parser)
    number = parser.add_mutually_exclusive_group(required=True)
    number.add_argument('--per-class', type=int, metavar='N', help='images that each class draws')
    number.add_argument('--share', type=_share, metavar='SHARE', help='share of all images, as 1/8 or 0.125')
    add_out_file(parser, 'the list, .txt for label maps, .json for COCO files')
    parser.add_argument('--rest-file', type=Path, metavar='FILE', help='file to write: all other images')
    parser.add_argument('--seed', type=int, default=0, help='another seed chooses other images (default 0)')
    parser.add_argument('--skip', nargs='+', metavar='CLASS', help='classes that draw no image (default background)')
    parser.add_argument('--min-count', type=int, default=1, metavar='N',
                        help='pixels (objects of a COCO file) from which an image holds a class (default 1)')
    parser.add_argument('--ignore', type=int, default=255, help='label of void pixels (default 255)')
    add_cfg_options(parser)


def run(args: argparse.Namespace) -> int:
    import numpy as np

    from mmseg_plugins.datasets.label_share import choose_share
    from mmseg_plugins.planning.few_labels import (
        as_ann_file,
        choose_per_class,
        counted_classes,
        read_labelled_images,
        table,
        write_list,
    )

    at_least(1, per_class=args.per_class, min_count=args.min_count)
    at_least(0, seed=args.seed)
    check_out_file(args.out_file, ('.txt', '.json'))
    check_out_file(args.rest_file, ('.txt', '.json'))
    found = read_labelled_images(args.config, args.ignore, args.cfg_options)
    present = found.counts >= args.min_count
    short = []
    if args.per_class:
        columns = counted_classes(found.names, args.skip)
        chosen = choose_per_class(present[:, columns], args.per_class, args.seed)
        short = [found.names[k] for k in columns if present[chosen, k].sum() < args.per_class]
    else:
        chosen = choose_share(len(present), float(args.share), args.seed)
    write_list(found, chosen, args.out_file)
    print(table(found, present, chosen))
    print(f'written: {args.out_file}')
    if args.rest_file:
        write_list(found, np.setdiff1d(np.arange(len(present)), chosen), args.rest_file)
        print(f'written: {args.rest_file}')
    print(f'train on it: --cfg-options train_dataloader.dataset.ann_file={as_ann_file(found.dataset, args.out_file)}')
    if short:
        print(f'fewer than {args.per_class} images hold: {", ".join(short)}')
    return PARTLY if short else DONE

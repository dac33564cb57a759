"""Panoptic maps of objects (and label maps), and objects and label maps of panoptic maps.

    mmseg-plugins convert-data panoptic instances_train.json --uncovered background --out-dir cells
    mmseg-plugins convert-data panoptic instances_train.json --label-dir labels --stuff 5=grain 6=stripes --out-dir both
    mmseg-plugins convert-data panoptic panoptic_train.json --to instances --out-dir parts

The source of the first two has any format of ``convert-data annotations``.  Images stay where they are.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from mmseg_plugins.cli.arguments import add_out_dir, check_out_dir
from mmseg_plugins.cli.frame import DONE, Parser
from mmseg_plugins.utils.errors import UserError


def add_arguments(parser: Parser) -> None:
    parser.add_argument('source', type=Path, help='a folder or JSON of objects; with --to instances a panoptic JSON')
    add_out_dir(parser, 'annotations and maps')
    parser.add_argument('--to', choices=('panoptic', 'instances'), default='panoptic',
                        help='instances: COCO instances and label maps of a panoptic JSON')
    parser.add_argument('--image-dir', type=Path, help='folder of the images, where it is not found')
    parser.add_argument('--classes', nargs='+', help='things in label order; by default those of the source')
    parser.add_argument('--overlaps', choices=('smaller', 'first'), default='smaller',
                        help='whose a pixel of several objects is (default: of the smaller one)')
    parser.add_argument('--label-dir', type=Path, help='label maps named as the images, .png')
    parser.add_argument('--stuff', nargs='+', default=[], metavar='VALUE=NAME', help='stuff classes of the label maps')
    parser.add_argument('--uncovered', metavar='NAME', help='stuff class of all other pixels (default: void)')


def parse_stuff(words: Sequence[str]) -> dict[int, str]:
    """``5=grain`` -> {5: 'grain'}; UserError for other words."""
    stuff = {}
    for word in words:
        value, _, name = word.partition('=')
        if not value.isdigit() or not name:
            raise UserError(f'--stuff {word}: VALUE=NAME, as in 5=grain.')
        stuff[int(value)] = name
    return stuff


def run(args: argparse.Namespace) -> int:
    stuff = parse_stuff(args.stuff)
    if bool(stuff) != bool(args.label_dir):
        raise UserError('--label-dir and --stuff go together.', fix='give both, or none.')
    if args.to == 'instances' and (stuff or args.uncovered or args.classes):
        raise UserError('--stuff, --uncovered and --classes have no meaning for --to instances.', fix='leave them out.')
    check_out_dir(args.out_dir)
    from mmseg_plugins.data_prep.annotations import ReadOptions
    from mmseg_plugins.data_prep.formats import read_annotations
    from mmseg_plugins.data_prep.panoptic import PanopticJob, write_panoptic, write_parts

    if args.to == 'instances':
        written = write_parts(args.source, args.out_dir, args.image_dir)
    else:
        options = ReadOptions(classes=args.classes, image_dir=args.image_dir)
        _, annotations = read_annotations(args.source, 'auto', options)
        job = PanopticJob(args.out_dir, args.overlaps, stuff, args.label_dir, args.uncovered)
        written = write_panoptic(annotations, job)
        print(f'{args.source}: {annotations.summary()}')
        print(f'things: {", ".join(annotations.classes)}; stuff: {", ".join(job.stuff_classes()) or "none"}')
    print('written:', *written, sep='\n  ')
    return DONE

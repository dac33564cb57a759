"""Masks of one format into another; what the source is, is told from its files.

    mmseg-plugins convert-data annotations my_yolo/data.yaml --to coco --out-dir my_coco
    mmseg-plugins convert-data annotations cells --to coco --out-dir cells_coco --val-fraction 0.2
    mmseg-plugins convert-data annotations predictions --image-dir images --to labelme --out-dir to_correct

Formats (docs/formats.md shows the layout of each):
  coco          COCO instances, or the folder that predict wrote                  read and written
  yolo          YOLO segmentation: data.yaml, images, labels                      read and written
  labelme       a JSON of shapes per image                                        read and written
  label-images  an image of object numbers per image (cellpose, StarDist, ...)    read and written
  masks         a mask file per object                                            read
  via           a VGG Image Annotator export                                      read

COCO is what the configs read.  Its file names start at the folder of the source, whose images stay where they are.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mmseg_plugins.cli.arguments import add_out_dir, check_out_dir
from mmseg_plugins.cli.frame import DONE, Parser
from mmseg_plugins.utils.errors import UserError

if TYPE_CHECKING:
    from mmseg_plugins.data_prep.annotations import AnnotatedImage

FORMATS = ('coco', 'yolo', 'labelme', 'label-images', 'masks', 'via')
WRITTEN = FORMATS[:4]


def add_arguments(parser: Parser) -> None:
    parser.add_argument('source', type=Path, help='a folder, or its yaml or JSON')
    parser.add_argument('--to', choices=WRITTEN, required=True, help='what is written')
    add_out_dir(parser, 'annotations and, where they need them, images')
    parser.add_argument('--from', choices=('auto', *FORMATS), default='auto', dest='source_format',
                        help='what the source is (default: told from its files)')
    parser.add_argument('--image-dir', type=Path, help='folder of the images, where it is not found')
    parser.add_argument('--images', choices=('copy', 'link', 'none'),
                        help='what happens to image files (default: copied, but for coco)')
    parser.add_argument('--classes', nargs='+', help='class names in label order; by default those of the source')
    parser.add_argument('--class-name', default='object', help='of all objects, where the source names no class')
    parser.add_argument('--class-attribute', help='via: the region attribute that holds the class')
    parser.add_argument('--masks', choices=('keep', 'rle', 'polygons'), default='keep',
                        help='coco: how masks are written (default: as they are)')
    parser.add_argument('--crowds', choices=('keep', 'objects'), default='keep',
                        help='coco: what iscrowd 1 is read as (default: a crowd, which training leaves out)')
    parser.add_argument('--score-thr', type=float, default=0.0, help='least score of a predicted object (default 0)')
    parser.add_argument('--background', type=int, nargs='+', default=[0], metavar='VALUE',
                        help='label images: values that are no object (default 0)')
    parser.add_argument('--id-divisor', type=int, help='label images: a value is class number x divisor + object')
    parser.add_argument('--separate-parts', action='store_true',
                        help='label images: every connected part of a value is an object')
    parser.add_argument('--val-fraction', type=float, default=0.0, help='part of the images for validation')
    parser.add_argument('--seed', type=int, default=0, help='of the split')


def image_root(images: Sequence[AnnotatedImage], out: Path) -> str:
    """The folder that the written names of images start from: what ``data_prefix`` of a config must be."""
    if not images:
        return str(out)
    first = images[0]
    if first.place:
        return str(out / 'images' / first.place.partition('/')[0])
    return first.path.as_posix().removesuffix(first.name).rstrip('/') or '.'


def run(args: argparse.Namespace) -> int:
    if not 0 <= args.score_thr <= 1:
        raise UserError(f'--score-thr {args.score_thr}: scores lie between 0 and 1')
    if args.id_divisor is not None and args.id_divisor < 2:
        raise UserError(f'--id-divisor {args.id_divisor}: at least 2')
    if args.masks != 'keep' and args.to != 'coco':
        raise UserError(f'--masks {args.masks} has no meaning for {args.to}.', rule='it is for --to coco.',
                        fix='leave it out.')
    check_out_dir(args.out_dir)
    from mmseg_plugins.data_prep.annotations import ReadOptions
    from mmseg_plugins.data_prep.formats import ConversionJob, convert_annotations

    options = ReadOptions(
        classes=args.classes,
        class_name=args.class_name,
        image_dir=args.image_dir,
        background=args.background,
        id_divisor=args.id_divisor,
        separate_parts=args.separate_parts,
        class_attribute=args.class_attribute,
        crowds_as_objects=args.crowds == 'objects',
    )
    job = ConversionJob(args.to, args.out_dir, args.images, args.masks, args.score_thr, args.val_fraction, args.seed)
    name, annotations, written = convert_annotations(args.source, args.source_format, options, job)
    print(f'{args.source} ({name}): {annotations.summary()}')
    print(f'classes: {", ".join(annotations.classes)}')
    for split, images in annotations.splits.items():
        objects = sum(len(image.objects) for image in images)
        print(f'  {split}: {len(images)} images below {image_root(images, args.out_dir)}, {objects} objects')
    print('written:', *written, sep='\n  ')
    return DONE

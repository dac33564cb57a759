"""Predict one image or a folder of images: overlays and a COCO results file.

    mmseg-plugins predict NAME photos/          (a shipped model; mmseg-plugins list --models shows them)
    mmseg-plugins predict CONFIG CHECKPOINT photo.jpg --out-dir predictions
    mmseg-plugins predict CONFIG CHECKPOINT photos/ --out-dir predictions --score-thr 0.5 --polygons
    mmseg-plugins predict CONFIG photos/ --out-dir predictions         (a model without parameters: configs/classical)

Below --out-dir come overlays/ (masks, boxes, names, scores drawn over each
image), predictions.json (COCO results, masks as RLE) and images.json (which
image and class each id means; pycocotools reads it as the ground-truth side).
--polygons adds predictions_polygons.json and labelme/.  A semantic config gives
labels/ (PNG, one class index a pixel) and overlays/, a panoptic one also
panoptic/ (PNG, segment ids) and panoptic.json (COCO panoptic), a model of four
levels all of these and foreground/ (PNG, 255 where an object is).  A segmentor
that samples (--cfg-options model.test_cfg.samples=20) gives uncertainty/, PNG,
255 x 2 x the root of the mean variance of the class probabilities.

Ids are 1, 2, ... in the order of sorted names and of classes; --ann-file takes
those of a COCO file instead.  A damaged image is named and left out, the others
go on.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mmseg_plugins.cli.arguments import add_cfg_options, add_config, add_device, add_out_dir, at_least, check_out_dir
from mmseg_plugins.cli.frame import DONE, PARTLY, Parser
from mmseg_plugins.utils.errors import UserError


def add_arguments(parser: Parser) -> None:
    add_config(parser)
    parser.add_argument('checkpoint', metavar='CHECKPOINT', nargs='?',
                        help='.pth or .safetensors file; none for a shipped model, or one without parameters')
    parser.add_argument('image', metavar='IMAGE', type=Path, help='an image or a folder, searched with its subfolders')
    add_out_dir(parser, 'predictions and overlays', default='predictions')
    parser.add_argument('--score-thr', type=float, default=0.3, help='least score of an instance (default 0.3)')
    parser.add_argument('--max-per-image', type=int, help='most instances of an image')
    add_device(parser)
    parser.add_argument('--polygons', action='store_true', help='also write polygons and labelme files')
    parser.add_argument('--levels', action='store_true',
                        help='also draw objects, classes, instances and panoptic segments next to each other (levels/)')
    parser.add_argument('--ann-file', type=Path, help='COCO file whose image and category ids are used')
    parser.add_argument('--allow-partial', action='store_true', help='use a checkpoint that fits only in part')
    add_cfg_options(parser)


def run(args: argparse.Namespace) -> int:
    at_least(1, max_per_image=args.max_per_image)
    if not 0 <= args.score_thr <= 1:
        raise UserError(f'--score-thr {args.score_thr}: scores lie between 0 and 1')
    check_out_dir(args.out_dir)
    from mmseg_plugins.apis.image_inputs import ARRAY_SUFFIXES, image_suffixes
    from mmseg_plugins.apis.inference import Predictor
    from mmseg_plugins.apis.predict_files import PredictionJob, find_images, predict_files
    from mmseg_plugins.engine.checkpoint.fit import format_report
    from mmseg_plugins.structures.images import IMAGE_SUFFIXES

    if args.checkpoint is not None and Path(args.checkpoint).suffix.lower() in IMAGE_SUFFIXES:
        raise UserError(f'{args.checkpoint} is an image, where a checkpoint stands.',
                        rule='one image or one folder.', fix='put the images into a folder, and name that')
    find_images(args.image, args.out_dir, IMAGE_SUFFIXES + ARRAY_SUFFIXES)
    predictor = Predictor(
        args.config,
        args.checkpoint,
        args.device,
        cfg_options=args.cfg_options,
        allow_partial=args.allow_partial,
        max_per_image=args.max_per_image,
    )
    files, names = find_images(args.image, args.out_dir, image_suffixes(predictor.cfg))
    if any(predictor.report.values()):
        print(f'warning: the checkpoint fits only in part:\n{format_report(predictor.report)}', file=sys.stderr)
    job = PredictionJob(args.out_dir, args.score_thr, args.max_per_image, args.polygons, args.ann_file, args.levels)
    failures = predict_files(predictor, files, names, job)
    if failures:
        print(f'{len(failures)} of {len(files)} images could not be read:', *failures, sep='\n  ', file=sys.stderr)
        return PARTLY
    return DONE

"""Predict one image or a folder of images: overlays and a COCO results file.

    python tools/infer.py CONFIG CHECKPOINT photo.jpg --out predictions
    python tools/infer.py CONFIG CHECKPOINT photos/ --out predictions --score-thr 0.5 --polygons

Below ``--out`` come ``overlays/`` (masks, boxes, names, scores drawn over each
image), ``predictions.json`` (COCO results, masks as RLE) and ``images.json``
(which image and class each id means; pycocotools reads it as the ground-truth
side).  ``--polygons`` adds ``predictions_polygons.json`` and ``labelme/``.  A
semantic config gives ``labels/`` (PNG, one class index a pixel) and ``overlays/``, a
panoptic one also ``panoptic/`` (PNG, segment ids) and ``panoptic.json`` (COCO panoptic).
A segmentor that samples (``--cfg-options model.test_cfg.samples=20``) gives ``uncertainty/``,
PNG, 255 x 2 x the root of the mean variance of the class probabilities.

Ids are 1, 2, ... in the order of sorted names and of classes; ``--ann-file``
takes those of a COCO file instead.  A damaged image is named and left out, the
others go on.  Exit status: 0 all predicted, 1 some images could not be read,
2 nothing was done (wrong config, checkpoint or folder).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmseg_plugins.utils.errors import UserError

try:
    from mmseg_plugins.utils.cfg_options import CfgOptions
    from mmseg_plugins.utils.progress import track
except ImportError as error:  # an incomplete installation: say what is missing and how to mend it
    import doctor  # beside this file; needs nothing but Python

    raise SystemExit(doctor.explain(error)) from error


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='config file, or mmdet::... / mmseg::...')
    parser.add_argument('checkpoint', help='.pth file')
    parser.add_argument('image', type=Path, help='an image or a folder, searched with its subfolders')
    parser.add_argument('--out', type=Path, required=True, help='folder for everything written')
    parser.add_argument('--score-thr', type=float, default=0.3, help='least score of an instance (default 0.3)')
    parser.add_argument('--max-per-image', type=int, help='most instances of an image')
    parser.add_argument('--device', default='cpu', help='cpu, cuda:0, ... (default cpu)')
    parser.add_argument('--polygons', action='store_true', help='also write polygons and labelme files')
    parser.add_argument('--ann-file', type=Path, help='COCO file whose image and category ids are used')
    parser.add_argument('--allow-partial', action='store_true', help='use a checkpoint that fits only in part')
    parser.add_argument('--cfg-options', nargs='+', action=CfgOptions, help='overrides of the config, key=value')
    return parser



def find_images(path: Path, out: Path) -> tuple[list[Path], list[str]]:
    """Image files and their names in results: relative to the folder, or the bare name of a single file.

    Pictures that an earlier run wrote below ``out`` are left out.
    """
    from mmseg_plugins.apis.prediction_files import RESULT_FOLDERS
    from mmseg_plugins.structures.images import IMAGE_SUFFIXES, list_images

    if path.is_file():
        return [path], [path.name]
    if not path.is_dir():
        raise UserError(f'image or folder {path} does not exist')
    files = list_images(path, [out / name for name in RESULT_FOLDERS])
    if not files:
        raise UserError(f'folder {path} holds no image ({", ".join(IMAGE_SUFFIXES)}), subfolders included')
    return files, [file.relative_to(path).as_posix() for file in files]


def read_ids(ann_file: Path | None, names: Sequence[str], classes: Sequence[str]) -> tuple[list[int], list[int]]:
    """Image ids and category ids: 1, 2, ..., or those of a COCO file, matched by name."""
    if ann_file is None:
        return list(range(1, len(names) + 1)), list(range(1, len(classes) + 1))
    try:
        content = json.loads(ann_file.read_text(encoding='utf-8'))
        images = {Path(item['file_name']).name: int(item['id']) for item in content['images']}
        images.update({item['file_name']: int(item['id']) for item in content['images']})
        categories = {item['name']: int(item['id']) for item in content['categories']}
    except (UserError, OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f'--ann-file {ann_file} is not a COCO file: {type(error).__name__}: {error}') from error
    lost = [name for name in names if name not in images and Path(name).name not in images]
    unknown = [name for name in classes if name not in categories]
    if lost or unknown:
        raise UserError(
            f'--ann-file {ann_file} lacks {len(lost)} images {lost[:3]} and {len(unknown)} classes {unknown[:3]}; '
            f'it has the classes {list(categories)[:10]}'
        )
    ids = [images[name] if name in images else images[Path(name).name] for name in names]
    return ids, [categories[name] for name in classes]


def predict_all(args: argparse.Namespace, predictor: Any, files: list[Path], names: list[str]) -> list[str]:
    """Predict and write every image; returns one line for each that could not be read."""
    from mmseg_plugins.apis.prediction_files import ResultWriter, output_stems
    from mmseg_plugins.structures.images import read_image
    from mmseg_plugins.visualization.samples import best_first, get_instances, get_label_map

    image_ids, category_ids = read_ids(args.ann_file, names, predictor.meta['classes'])
    writer = ResultWriter(args.out, predictor.meta, category_ids, args.polygons)
    failures = []
    jobs = list(zip(files, names, output_stems(names), image_ids, strict=True))
    for path, name, stem, image_id in track(jobs, description='Predicting'):
        try:
            image = read_image(path)
        except (UserError, OSError) as error:
            failures.append(str(error))
            print(f'left out: {error}', file=sys.stderr)
            continue
        sample = predictor(image)
        panoptic = 'pred_panoptic_seg' in sample
        if panoptic:
            writer.add_panoptic(image, get_label_map(sample.pred_panoptic_seg), name, stem, image_id)
        if 'pred_instances' in sample:
            found = best_first(get_instances(sample.pred_instances), args.score_thr, args.max_per_image)
            writer.add_instances(image, found, name, stem, image_id, path, overlay=not panoptic)
        elif not panoptic:
            writer.add_label_map(image, get_label_map(sample.pred_sem_seg), name, stem, image_id)
            if 'uncertainty' in sample:  # of a segmentor that samples
                writer.add_uncertainty(sample.uncertainty.data[0].numpy(), stem)
    done = len(files) - len(failures)
    print(f'{done} of {len(files)} images predicted, {len(writer.results)} instances. Written:')
    for path in writer.finish():
        print(f'  {path}')
    return failures


def main(argv: Sequence[str] | None = None) -> int:
    parser = build_parser()
    args = parser.parse_args(argv)
    if args.max_per_image is not None and args.max_per_image < 1:
        parser.error(f'--max-per-image {args.max_per_image}: at least 1; leave it out for all')
    if not 0 <= args.score_thr <= 1:
        parser.error(f'--score-thr {args.score_thr}: scores lie between 0 and 1')
    from mmseg_plugins.apis.inference import Predictor, format_report
    from mmseg_plugins.cli.failures import is_explained

    try:
        if args.out.exists() and not args.out.is_dir():
            raise UserError(f'--out {args.out} is a file, it must be a folder')
        files, names = find_images(args.image, args.out)
        predictor = Predictor(
            args.config,
            args.checkpoint,
            args.device,
            cfg_options=args.cfg_options,
            allow_partial=args.allow_partial,
            max_per_image=args.max_per_image,
        )
        if any(predictor.report.values()):
            print(f'warning: the checkpoint fits only in part:\n{format_report(predictor.report)}', file=sys.stderr)
        failures = predict_all(args, predictor, files, names)
    except Exception as error:
        if not is_explained(error):
            raise
        print(f'error: {error}', file=sys.stderr)
        return 2
    if failures:
        print(f'{len(failures)} of {len(files)} images could not be read:', file=sys.stderr)
        print('\n'.join(f'  {line}' for line in failures), file=sys.stderr)
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())

"""One sheet with the same images through several systems: truth, then a column a system.

    python tools/analysis_tools/compare_sheet.py CONFIG=CHECKPOINT CONFIG=CHECKPOINT --out sheet.png
    python tools/analysis_tools/compare_sheet.py work_dirs/a work_dirs/b --out sheet.png --instances-only

    python tools/analysis_tools/compare_sheet.py work_dirs/a work_dirs/b --out sheet.png --labels-only --num 6

A working folder stands for its config and its best checkpoint.  Images are those
of the first config's validation data: ``--num`` of them, evenly spaced, or
``--images`` by name.

Instances: images with 10 to 60 objects (``--objects``) are chosen; what a system
finds has the colour of the true object that it matches (mask IoU >= 0.5), or is
white.  Label maps: every class has the colour of the data set, named below the
sheet; titles say which share of the labelled pixels is right.

``--instances-only`` or ``--labels-only`` draws on a plain ground, so that the
sheet holds no photograph.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('systems', nargs='+', metavar='CONFIG=CHECKPOINT|WORK_DIR')
    parser.add_argument('--out', type=Path, required=True, help='the picture, .png or .jpg')
    parser.add_argument('--titles', nargs='+', help="of the systems' columns; default the names of their configs")
    parser.add_argument('--num', type=int, default=8, help='images (default 8)')
    parser.add_argument('--objects', type=int, nargs=2, default=(10, 60), metavar=('LEAST', 'MOST'),
                        help='objects that an image must hold to be chosen (default 10 60)')
    parser.add_argument('--images', nargs='+', help='names of image files instead of a choice')
    parser.add_argument('--score-thr', type=float, default=0.5, help='least score that is drawn (default 0.5)')
    parser.add_argument('--instances-only', '--labels-only', action='store_true', dest='plain',
                        help='masks or labels on a plain ground, no photographs')
    parser.add_argument('--systems-as-rows', action='store_true', help='truth and systems below each other')
    parser.add_argument('--cell', type=int, default=256, help='width of a picture in px (default 256)')
    parser.add_argument('--data-root', help="of the validation data, instead of the config's")
    parser.add_argument('--device', default='cpu')
    return parser


def split_system(text: str) -> tuple[str, str]:
    """Config and checkpoint of ``CONFIG=CHECKPOINT`` or of a working folder.

    Raises:
        ValueError: neither of both, or the folder has no summary or checkpoint.
    """
    from mmseg_plugins.reporting.metafiles import read_summary

    folder = Path(text)
    if folder.is_dir():
        if not (folder / 'summary.json').is_file():
            raise ValueError(f'{text} holds no summary.json of a run. Fix: name CONFIG=CHECKPOINT.')
        summary = read_summary(folder)
        files = summary.get('checkpoints') or {}
        name = files.get('best') or files.get('last')
        if not name:
            raise ValueError(f'{text} holds no checkpoint. Fix: name CONFIG=CHECKPOINT.')
        return str(summary['config']), str(folder / name)
    config, equal, checkpoint = text.partition('=')
    if not equal or not checkpoint:
        raise ValueError(f'{text!r} is neither a folder nor CONFIG=CHECKPOINT. Fix: write one of both.')
    return config, checkpoint


def choose(dataset: Any, args: argparse.Namespace) -> list[int]:
    """Indices of the images to draw.

    Raises:
        ValueError: a named image is not there, or none holds the asked number of objects.
    """
    from mmseg_plugins.utils.suggest import did_you_mean

    infos = [dataset.get_data_info(index) for index in range(len(dataset))]
    if args.images:
        places = {Path(info['img_path']).name: index for index, info in enumerate(infos)}
        missing = [name for name in args.images if name not in places]
        if missing:
            raise ValueError(f'no image {missing[0]!r} in the validation data{did_you_mean(missing[0], places)}.')
        return [places[name] for name in args.images]
    if 'instances' not in infos[0]:
        return np.linspace(0, len(infos) - 1, min(args.num, len(infos))).round().astype(int).tolist()
    low, high = args.objects
    counts = [len(info['instances']) for info in infos]
    fitting = [index for index, count in enumerate(counts) if low <= count <= high]
    if not fitting:
        raise ValueError(
            f'no image holds {low} to {high} objects; they hold {min(counts)} to {max(counts)}. Fix: --objects')
    number = min(args.num, len(fitting))
    return [fitting[index] for index in np.linspace(0, len(fitting) - 1, number).round().astype(int)]


def predict(system: tuple[str, str], paths: Sequence[str], semantic: bool, args: argparse.Namespace) -> list[Any]:
    """The instances, or the label map, that one system finds in each image.

    Raises:
        ValueError: it predicts the other of both.
    """
    from mmseg_plugins.apis import Predictor
    from mmseg_plugins.utils.progress import track
    from mmseg_plugins.visualization.samples import best_first, get_instances, get_label_map

    predictor = Predictor(*system, args.device)
    kind, words = ('pred_sem_seg', 'label maps') if semantic else ('pred_instances', 'instances')
    found = []
    for path in track(paths, description=Path(system[0]).stem):
        sample = predictor(path)
        if kind not in sample:
            raise ValueError(f'{system[0]} predicts no {words}, which the first config\'s data hold. '
                             'Fix: compare systems of one kind.')
        found.append(get_label_map(sample.pred_sem_seg) if semantic else
                     best_first(get_instances(sample.pred_instances), args.score_thr))
    return found


def draw(systems: Sequence[tuple[str, str]], args: argparse.Namespace) -> tuple[np.ndarray, int]:
    """The sheet, and how many images are on it."""
    from mmseg_plugins.config.build import build_dataset
    from mmseg_plugins.config.load import load_config
    from mmseg_plugins.reporting.class_counts import base_datasets
    from mmseg_plugins.structures.images import read_image
    from mmseg_plugins.visualization.browse import original_instances, original_labels
    from mmseg_plugins.visualization.compare import Column, LabelColumn, comparison_sheet, label_sheet

    options = {'data_root': args.data_root} if args.data_root else None
    dataset = next(base_datasets(build_dataset(load_config(systems[0][0], options), 'val')))
    chosen = choose(dataset, args)
    semantic = 'instances' not in dataset.get_data_info(chosen[0])
    paths = [str(dataset.get_data_info(index)['img_path']) for index in chosen]
    images = {Path(path).name: read_image(path) for path in paths}
    titles = ['truth', *(args.titles or [Path(config).stem for config, _ in systems])]
    cells = [[(original_labels if semantic else original_instances)(dataset, index) for index in chosen]]
    cells += [predict(system, paths, semantic, args) for system in systems]
    names = list(dataset.metainfo['classes'])
    common: dict[str, Any] = dict(plain=args.plain, systems_as_rows=args.systems_as_rows, cell=args.cell)
    if semantic:
        label_columns = [LabelColumn(*pair) for pair in zip(titles, cells, strict=True)]
        return label_sheet(images, label_columns, names, dataset.metainfo.get('palette'), **common), len(images)
    columns = [Column(*pair) for pair in zip(titles, cells, strict=True)]
    return comparison_sheet(images, columns, names, **common), len(images)


def main(argv: Sequence[str] | None = None) -> int:
    parser = build_parser()
    args = parser.parse_args(argv)
    if args.num < 1 or args.cell < 32:
        parser.error(f'--num {args.num} --cell {args.cell}: at least one image, at least 32 px')
    if args.titles and len(args.titles) != len(args.systems):
        parser.error(f'{len(args.titles)} --titles for {len(args.systems)} systems; one each is needed')
    from mmseg_plugins.cli.failures import is_explained
    from mmseg_plugins.structures.images import IMAGE_SUFFIXES, save_image

    if args.out.suffix.lower() not in IMAGE_SUFFIXES:
        parser.error(f'--out {args.out}: its name must end in one of {", ".join(IMAGE_SUFFIXES)}')
    try:
        systems = [split_system(text) for text in args.systems]
        sheet, number = draw(systems, args)
        print(f'{number} images, {len(systems)} systems: {save_image(args.out, sheet)}')
    except Exception as error:
        if not is_explained(error) and not isinstance(error, (OSError, ValueError)):
            raise
        print(f'error: {error}', file=sys.stderr)
        return 2
    return 0


if __name__ == '__main__':
    sys.exit(main())

"""Predict image files and write everything that the command ``predict`` leaves in a folder."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mmseg_plugins.apis.inference import Predictor
from mmseg_plugins.apis.prediction_files import RESULT_FOLDERS, ResultWriter
from mmseg_plugins.data_prep.names import output_stems
from mmseg_plugins.structures.images import IMAGE_SUFFIXES, as_bgr, list_images
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.utils.progress import track
from mmseg_plugins.visualization.levels import predicted_levels
from mmseg_plugins.visualization.samples import best_first, get_instances, get_label_map


@dataclass(frozen=True)
class PredictionJob:
    """What is kept and written.

    Args:
        out_dir: Folder for everything written.
        score_thr: Least score of an instance, in [0, 1].
        max_per_image: Most instances of an image; None is all.
        polygons: Also write polygons and labelme files.
        ann_file: COCO file whose image and category ids are used; None numbers them 1, 2, ...
        levels: Also draw all levels of each prediction next to each other.
    """

    out_dir: Path
    score_thr: float = 0.3
    max_per_image: int | None = None
    polygons: bool = False
    ann_file: Path | None = None
    levels: bool = False


def find_images(path: Path, out_dir: Path, suffixes: Sequence[str] = IMAGE_SUFFIXES) -> tuple[list[Path], list[str]]:
    """Image files and their names in results: relative to the folder, or the bare name of a single file.

    Pictures that an earlier run wrote below ``out_dir`` are left out.

    Raises:
        UserError: there is no such file or folder, or no image in it.
    """
    if path.is_file():
        return [path], [path.name]
    if not path.is_dir():
        raise UserError(f'image or folder {path} does not exist.', fix='correct the path.')
    files = list_images(path, [out_dir / name for name in RESULT_FOLDERS], suffixes)
    if not files:
        raise UserError(
            f'folder {path} holds no image ({", ".join(suffixes)}), subfolders included.',
            fix='name the folder of the images.',
        )
    return files, [file.relative_to(path).as_posix() for file in files]


def read_ids(ann_file: Path | None, names: Sequence[str], classes: Sequence[str]) -> tuple[list[int], list[int]]:
    """Image ids and category ids: 1, 2, ..., or those of a COCO file, matched by name.

    Raises:
        UserError: the file is no COCO file, or lacks images or classes.
    """
    if ann_file is None:
        return list(range(1, len(names) + 1)), list(range(1, len(classes) + 1))
    try:
        content = json.loads(ann_file.read_text(encoding='utf-8-sig'))
        images = [(str(item['file_name']), int(item['id'])) for item in content['images']]
        categories = {item['name']: int(item['id']) for item in content['categories']}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f'--ann-file {ann_file} is not a COCO file: {type(error).__name__}: {error}.',
            fix='name the annotation file of these images.',
        ) from error
    ids, lost = match_names(names, images, f'--ann-file {ann_file}')
    unknown = [name for name in classes if name not in categories]
    if lost or unknown:
        raise UserError(
            f'--ann-file {ann_file} lacks {len(lost)} images {lost[:3]} and {len(unknown)} classes {unknown[:3]}; '
            f'it has the classes {list(categories)[:10]}.',
            fix='name the annotation file of these images.',
        )
    return ids, [categories[name] for name in classes]


def match_names(names: Sequence[str], images: Sequence[tuple[str, int]], source: str) -> tuple[list[int], list[str]]:
    """The id of each name, and the names that are in no entry.

    A name fits the entry of the same path, else the only one that shares the longest end of the path with it:
    ``cam1/a.png`` fits ``train/cam1/a.png``, and ``a.png`` where no other entry is called so.

    Args:
        names: Paths relative to the folder that is predicted.
        images: File name and id of each entry.
        source: Where the entries are from, for the message.

    Raises:
        UserError: a name fits several entries, or an entry fits several names.
    """
    by_base: dict[str, list[tuple[tuple[str, ...], int]]] = {}
    for file_name, key in images:
        parts = _parts(file_name)
        by_base.setdefault(parts[-1] if parts else '', []).append((parts, key))
    ids, lost, taken = [], [], dict[int, str]()
    for name in names:
        parts = _parts(name)
        shared = [(_common_end(parts, other), other == parts, key) for other, key in by_base.get(parts[-1], [])]
        if not shared:
            lost.append(name)
            continue
        best = max(shared)[:2]
        found = {key for length, same, key in shared if (length, same) == best}
        if len(found) > 1:
            raise UserError(f'{source}: {name} fits the images {sorted(found)[:4]}, which have that name.',
                            rule='file names are matched by their paths.',
                            fix='predict the folder that the file names of the JSON are relative to.')
        key = found.pop()
        if key in taken:
            raise UserError(f'{source}: {taken[key]} and {name} both fit the image {key}.',
                            rule='file names are matched by their paths.',
                            fix='predict the folder that the file names of the JSON are relative to.')
        taken[key] = name
        ids.append(key)
    return ids, lost


def _parts(name: str) -> tuple[str, ...]:
    return tuple(part for part in name.replace('\\', '/').split('/') if part not in ('', '.'))


def _common_end(one: tuple[str, ...], other: tuple[str, ...]) -> int:
    length = 0
    for a, b in zip(reversed(one), reversed(other), strict=False):
        if a != b:
            break
        length += 1
    return length


def predict_files(predictor: Predictor, files: Sequence[Path], names: Sequence[str], job: PredictionJob) -> list[str]:
    """Predict and write every image; returns one line for each that could not be read."""
    image_ids, category_ids = read_ids(job.ann_file, names, predictor.meta['classes'])
    writer = ResultWriter(job.out_dir, predictor.meta, category_ids, job.polygons)
    failures = []
    jobs = list(zip(files, names, output_stems(names), image_ids, strict=True))
    for path, name, stem, image_id in track(jobs, description='Predicting'):
        try:
            loaded = predictor.load(path)
            sample = predictor.predict_loaded(loaded)
        except (UserError, OSError) as error:
            failures.append(str(error))
            print(f'left out: {error}', file=sys.stderr)
            continue
        image = as_bgr(loaded['img'])
        panoptic = 'pred_panoptic_seg' in sample
        if panoptic:
            writer.add_panoptic(image, get_label_map(sample.pred_panoptic_seg), name, stem, image_id)
        if 'pred_instances' in sample:
            found = best_first(get_instances(sample.pred_instances), job.score_thr, job.max_per_image)
            writer.add_instances(image, found, name, stem, image_id, path, overlay=not panoptic)
        if 'pred_sem_seg' in sample:
            alone = not panoptic and 'pred_instances' not in sample
            writer.add_label_map(image, get_label_map(sample.pred_sem_seg), name, stem, image_id, overlay=alone)
            if 'uncertainty' in sample:  # of a segmentor that samples
                writer.add_uncertainty(sample.uncertainty.data[0].numpy(), stem)
        if 'pred_foreground' in sample:
            writer.add_foreground(get_label_map(sample.pred_foreground), stem)
        if job.levels:
            writer.add_levels(image, predicted_levels(sample, len(writer.names), job.score_thr), stem)
    done = len(files) - len(failures)
    print(f'{done} of {len(files)} images predicted, {len(writer.results)} instances. Written:')
    for path in writer.finish():
        print(f'  {path}')
    return failures

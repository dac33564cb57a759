"""Write generated shapes as COCO instances, COCO panoptic and semantic maps.

Layout under the output folder (S is ``train`` or ``val``)::

    S/000001.jpg ...            images
    panoptic_S/000001.png ...   segment ids, id = R + 256 * G + 65536 * B
    semantic_S/000001.png ...   labels: things 0..4, stuff 5..6
    annotations/instances_S.json, annotations/panoptic_S.json
    complete.json               the arguments, written last

The folder is built next to its place and renamed when whole, so what stands
there is always complete.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mmseg_plugins.data_prep.shapes import STUFF, THINGS, Scene, draw_scene
from mmseg_plugins.structures.images import save_image
from mmseg_plugins.structures.masks import coco_box
from mmseg_plugins.structures.panoptic_ids import ids_as_bgr
from mmseg_plugins.structures.rle import encode_mask
from mmseg_plugins.utils.errors import UserError

STAMP = 'complete.json'
FORMAT_VERSION = 1  # raise it whenever the same arguments would give other files
JPEG_QUALITY = 95


@dataclass(frozen=True)
class ShapesSpec:
    """What determines every byte of the data set: images per split, side in pixels, seed."""

    train: int = 400
    val: int = 100
    size: int = 128
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (('train', 1), ('val', 1), ('size', 32), ('seed', 0)):
            value = getattr(self, name)
            if value < least:
                raise UserError(f'{name} must be at least {least}, got {value}')

    @property
    def splits(self) -> tuple[tuple[str, int], ...]:
        return (('train', self.train), ('val', self.val))


def _categories(panoptic: bool) -> list[dict[str, Any]]:
    things = [{'id': i, 'name': name, 'supercategory': 'shape'} for i, name in enumerate(THINGS, start=1)]
    if not panoptic:
        return things
    stuff = [
        {'id': i, 'name': name, 'supercategory': 'background', 'isthing': 0}
        for i, name in enumerate(STUFF, start=len(THINGS) + 1)
    ]
    return [{**thing, 'isthing': 1} for thing in things] + stuff


def _segments(scene: Scene) -> tuple[np.ndarray, list[dict[str, Any]]]:
    """Panoptic ids (H, W) int32 and their ``segments_info``; stuff ids follow the instances'."""
    ids = scene.instance_map.copy()
    categories = {k: label + 1 for k, label in enumerate(scene.labels, start=1)}
    for stuff in range(len(STUFF)):
        segment = len(scene.labels) + stuff + 1
        ids[(scene.instance_map == 0) & (scene.stuff_map == stuff)] = segment
        categories[segment] = len(THINGS) + stuff + 1
    segments = []
    for segment, category in categories.items():
        mask = ids == segment
        if mask.any():
            box, area = coco_box(mask), int(mask.sum())
            segments.append({'id': segment, 'category_id': category, 'area': area, 'bbox': box, 'iscrowd': 0})
    return ids, segments


def _make_image(task: tuple[str, str, int, int, int, int]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Draw and write one image; returns its instance annotations and panoptic segments."""
    folder, split, seed, split_index, index, size = task
    scene = draw_scene(seed, split_index, index, size)
    ids, segments = _segments(scene)
    root, stem = Path(folder), f'{index + 1:06d}'
    save_image(root / split / f'{stem}.jpg', scene.image, JPEG_QUALITY)
    save_image(root / f'panoptic_{split}' / f'{stem}.png', ids_as_bgr(ids))
    save_image(root / f'semantic_{split}' / f'{stem}.png', scene.semantic_map)
    instances = []
    for info in segments:
        if info['id'] > len(scene.labels):
            continue
        rle = encode_mask(scene.instance_map == info['id'])
        instances.append({**{k: v for k, v in info.items() if k != 'id'}, 'segmentation': rle})
    return instances, segments


def _limit_threads() -> None:
    cv2.setNumThreads(1)


def _run(tasks: list[Any], workers: int) -> Iterator[Any]:
    """Results of :func:`_make_image` in the order of the tasks."""
    if workers <= 1:
        yield from map(_make_image, tasks)
        return
    # spawn: a forked child of a process with torch or OpenCV threads may hang.
    context = multiprocessing.get_context('spawn')
    with context.Pool(workers, initializer=_limit_threads) as pool:
        yield from pool.imap(_make_image, tasks, chunksize=16)


def _write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, separators=(',', ':')) + '\n', encoding='utf-8')


def _write_split(root: Path, spec: ShapesSpec, split_index: int, workers: int) -> int:
    """Write one split under ``root``; returns its number of instances."""
    split, count = spec.splits[split_index]
    for name in (split, f'panoptic_{split}', f'semantic_{split}', 'annotations'):
        (root / name).mkdir(parents=True, exist_ok=True)
    tasks = [(str(root), split, spec.seed, split_index, index, spec.size) for index in range(count)]
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    panoptic: list[dict[str, Any]] = []
    for index, (instances, segments) in enumerate(_run(tasks, workers)):
        image_id, stem = index + 1, f'{index + 1:06d}'
        images.append({'id': image_id, 'file_name': f'{stem}.jpg', 'height': spec.size, 'width': spec.size})
        for instance in instances:
            annotations.append({'id': len(annotations) + 1, 'image_id': image_id, **instance})
        panoptic.append({'image_id': image_id, 'file_name': f'{stem}.png', 'segments_info': segments})
    info = {'description': f'generated shapes, {split}', 'version': FORMAT_VERSION, **asdict(spec)}
    common = {'info': info, 'images': images}
    folder = root / 'annotations'
    _write_json(
        folder / f'instances_{split}.json',
        {**common, 'annotations': annotations, 'categories': _categories(panoptic=False)},
    )
    _write_json(
        folder / f'panoptic_{split}.json', {**common, 'annotations': panoptic, 'categories': _categories(panoptic=True)}
    )
    return len(annotations)


def _stamp(spec: ShapesSpec) -> dict[str, Any]:
    return {'generator': 'mmseg_plugins shapes', 'version': FORMAT_VERSION, **asdict(spec)}


def _is_complete(out: Path, spec: ShapesSpec) -> bool:
    """Whether ``out`` holds exactly this data set, with no file removed since."""
    try:
        stamp = json.loads((out / STAMP).read_text(encoding='utf-8'))
    except (OSError, ValueError):
        return False
    if stamp != _stamp(spec):
        return False
    expected = {'annotations': 4}
    for split, count in spec.splits:
        expected.update({split: count, f'panoptic_{split}': count, f'semantic_{split}': count})
    return all((out / name).is_dir() and len(os.listdir(out / name)) == count for name, count in expected.items())


def _remove_leftovers(out: Path) -> None:
    """Delete the unfinished folders of runs that were killed, not those of runs still alive."""
    for path in out.parent.glob(f'.{out.name}.making-*'):
        pid = path.name.rsplit('-', 1)[1]
        try:
            os.kill(int(pid), 0)
        except (ValueError, ProcessLookupError):
            shutil.rmtree(path, ignore_errors=True)
        except PermissionError:
            continue  # alive, and somebody else's


def write_shapes(out: Path, spec: ShapesSpec, workers: int = 1) -> bool:
    """Write the data set of ``spec`` to ``out`` unless it is already there.

    Returns:
        True when it was written, False when what stood there could be used.

    Raises:
        UserError: ``out`` holds something that this generator did not make.
    """
    out = out.resolve()
    if _is_complete(out, spec):
        return False
    if out.exists() and not (out / STAMP).is_file() and (not out.is_dir() or os.listdir(out)):
        raise UserError(
            f'{out} is not a folder of generated shapes (it holds no {STAMP}) and would be overwritten.',
            fix='choose another --out-dir, or remove it yourself.',
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(out)
    making = out.parent / f'.{out.name}.making-{os.getpid()}'
    shutil.rmtree(making, ignore_errors=True)
    try:
        for split_index in range(len(spec.splits)):
            _write_split(making, spec, split_index, workers)
        _write_json(making / STAMP, _stamp(spec))
        if out.exists():
            shutil.rmtree(out)
        making.rename(out)
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return True

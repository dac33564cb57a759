"""Predictions as files: overlays, COCO results, labelme files, label maps."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from mmseg_plugins.data_prep.annotations import AnnotatedObject
from mmseg_plugins.data_prep.labelme import labelme_document, labelme_shapes
from mmseg_plugins.structures.images import save_image
from mmseg_plugins.structures.masks import mask_box, mask_polygons
from mmseg_plugins.structures.panoptic_ids import ids_as_bgr
from mmseg_plugins.structures.rle import encode_mask, iter_masks
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.visualization.levels import Levels, levels_sheet
from mmseg_plugins.visualization.overlay import draw_instances
from mmseg_plugins.visualization.panoptic import INSTANCE_OFFSET, draw_panoptic, split_segments
from mmseg_plugins.visualization.samples import Instances
from mmseg_plugins.visualization.semantic import draw_legend, draw_semantic

#: What :class:`ResultWriter` makes below its folder.
RESULT_FOLDERS = ('overlays', 'levels', 'labels', 'foreground', 'uncertainty', 'panoptic', 'labelme')


def coco_results(instances: Instances, image_id: int, category_ids: Sequence[int]) -> list[dict[str, Any]]:
    """N instances as entries of a COCO results file.

    Boxes become x, y, width, height in px of the image; a mask becomes
    compressed RLE.  Masks are encoded one at a time, so at most one is dense
    beyond what the prediction holds.

    Raises:
        ValueError: a label has no category.
    """
    masks = iter_masks(instances.masks) if instances.masks is not None else None
    entries = []
    for index, (box, label) in enumerate(zip(instances.boxes.astype(float), instances.labels, strict=True)):
        if not 0 <= label < len(category_ids):
            raise UserError(f'label {label} has no category, there are {len(category_ids)} classes; check the config')
        x1, y1, x2, y2 = (round(float(value), 3) for value in box)
        entry: dict[str, Any] = {
            'image_id': image_id,
            'category_id': int(category_ids[label]),
            'bbox': [x1, y1, round(x2 - x1, 3), round(y2 - y1, 3)],
            'score': 1.0 if instances.scores is None else round(float(instances.scores[index]), 6),
        }
        if masks is not None:
            entry['segmentation'] = encode_mask(next(masks))
        entries.append(entry)
    return entries


def with_polygons(entries: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """COCO results with polygons in place of RLE; instances without a mask pixel are left out."""
    result = []
    for entry in entries:
        polygons = mask_polygons(next(iter_masks([entry['segmentation']])))
        if polygons:
            result.append({**entry, 'segmentation': polygons})
    return result


def panoptic_segments(ids: np.ndarray, category_ids: Sequence[int]) -> tuple[np.ndarray, list[dict[str, Any]]]:
    """mmdet's panoptic map (H, W), class + 1000 * instance -> ids 1, 2, ... (0 void) and COCO's ``segments_info``."""
    numbered = np.zeros(ids.shape, np.int32)
    segments: list[dict[str, Any]] = []
    for value in np.unique(ids).tolist():
        label = value % INSTANCE_OFFSET
        if label >= len(category_ids):
            continue  # void
        mask = ids == value
        x1, y1, x2, y2 = mask_box(mask) or (0, 0, 0, 0)
        numbered[mask] = len(segments) + 1
        segments.append({
            'id': len(segments) + 1,
            'category_id': int(category_ids[label]),
            'area': int(mask.sum()),
            'bbox': [x1, y1, x2 - x1, y2 - y1],
            'iscrowd': 0,
        })
    return numbered, segments


def labelme_file(
    entries: Iterable[Mapping[str, Any]], names: Mapping[int, str], image_path: str, height: int, width: int
) -> dict[str, Any]:
    """A labelme document of polygon results; parts of one instance share a ``group_id``.

    Args:
        entries: What :func:`with_polygons` gives.
        names: Category id -> class name.
        image_path: The image, relative to the document.
    """
    objects = []
    for entry in entries:
        parts = [np.reshape(part, (-1, 2)) for part in entry['segmentation']]
        objects.append(AnnotatedObject(names[entry['category_id']], parts, score=entry['score']))
    return labelme_document(labelme_shapes(objects), image_path, height, width)


class JsonSpool:
    """Items of a JSON array, kept in a file without a name until they are written: memory does not grow with them.

    Args:
        folder: Where the file lies; it is gone when the process ends, however it ends.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file: IO[str] | None = None
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, items: Iterable[Any]) -> None:
        """Append items."""
        for item in items:
            if self._file is None:
                self.folder.mkdir(parents=True, exist_ok=True)
                self._file = tempfile.TemporaryFile('w+', encoding='utf-8', dir=self.folder)  # noqa: SIM115
            self._file.write((', ' if self._count else '') + json.dumps(item, ensure_ascii=False))
            self._count += 1

    def copy_to(self, stream: IO[str]) -> None:
        """Write the array."""
        stream.write('[')
        if self._file is not None:
            self._file.seek(0)
            shutil.copyfileobj(self._file, stream)
        stream.write(']')


class ResultWriter:
    """Writes the predictions of a set of images below one folder; the memory it takes does not grow with their number.

    ::

        overlays/<name>.jpg        every image with its prediction drawn over it
        predictions.json           COCO results (instances)
        predictions_polygons.json  the same with polygons, and labelme/<name>.json, with ``polygons``
        labels/<name>.png          class index of every pixel (semantic)
        foreground/<name>.png      255 where an object is, 0 elsewhere (a model of four levels)
        levels/<name>.png          objects, classes, instances, panoptic segments next to each other, on demand
        uncertainty/<name>.png     255 x 2 x the root of the uncertainty (0 to .25) of a segmentor that samples
        panoptic/<name>.png        segment ids, R + 256 G + 65536 B, and panoptic.json (panoptic)
        images.json                images and categories with the ids used, a COCO file without annotations

    Args:
        out: The folder.
        meta: ``classes`` and ``palette``, for panoptic results ``thing_classes``.
        category_ids: Id of each class; default 1, 2, ...
        polygons: Whether polygons and labelme files are written too.
    """

    def __init__(
        self,
        out: str | os.PathLike[str],
        meta: Mapping[str, Any],
        category_ids: Sequence[int] | None = None,
        polygons: bool = False,
    ) -> None:
        self.out = Path(out)
        self.meta = meta
        self.names = [str(name) for name in meta['classes']]
        self.category_ids = list(range(1, len(self.names) + 1)) if category_ids is None else list(category_ids)
        self.polygons = polygons
        self.images, self.results, self.polygon_results, self.panoptic_results = (JsonSpool(self.out) for _ in range(4))
        self.kinds: set[str] = set()  # of results: instances, semantic, panoptic
        self._last_image: int | None = None

    def add_instances(
        self, image: np.ndarray, instances: Instances, name: str, stem: str, image_id: int, path: Path,
        overlay: bool = True
    ) -> None:
        """Write what one image's instances give; ``stem`` names its files, ``path`` is the image itself."""
        self.kinds.add('instances')
        self._add_image(image, name, image_id)
        entries = coco_results(instances, image_id, self.category_ids)
        self.results.add(entries)
        if overlay:
            drawn = draw_instances(
                image, instances.masks, instances.boxes, instances.labels, instances.scores, self.names
            )
            save_image(self.out / 'overlays' / f'{stem}.jpg', drawn)
        if self.polygons and instances.masks is not None:
            polygons = with_polygons(entries)
            self.polygon_results.add(polygons)
            target = self.out / 'labelme' / f'{stem}.json'
            names = dict(zip(self.category_ids, self.names, strict=True))
            place = os.path.relpath(path, target.parent)
            _write_json(target, labelme_file(polygons, names, place, *image.shape[:2]), indent=1)

    def add_label_map(self, image: np.ndarray, labels: np.ndarray, name: str, stem: str, image_id: int,
                      overlay: bool = True) -> None:
        """Write one image's label map (H, W) and its overlay with a legend of the classes in it."""
        self.kinds.add('semantic')
        self._add_image(image, name, image_id)
        dtype = np.uint8 if len(self.names) < 256 else np.uint16
        save_image(self.out / 'labels' / f'{stem}.png', labels.astype(dtype))
        if not overlay:
            return
        palette = self.meta.get('palette')
        palette = None if isinstance(palette, str) else palette
        drawn = draw_semantic(image, labels, palette)
        shown = [int(label) for label in np.unique(labels) if label < len(self.names)]
        legend = draw_legend(self.names, palette, drawn.shape[1], shown)
        save_image(self.out / 'overlays' / f'{stem}.jpg', np.concatenate([drawn, legend]))

    def add_foreground(self, found: np.ndarray, stem: str) -> None:
        """Write one image's map of objects (H, W), 0 or 1."""
        save_image(self.out / 'foreground' / f'{stem}.png', (found > 0).astype(np.uint8) * 255)

    def add_levels(self, image: np.ndarray, levels: Levels, stem: str) -> None:
        """Write one image with all levels of its prediction next to each other."""
        save_image(self.out / 'levels' / f'{stem}.png', levels_sheet(image, levels, self.meta))

    def add_uncertainty(self, uncertainty: np.ndarray, stem: str) -> None:
        """Write one image's mean variance of the class probabilities (H, W), 0 to .25, as a deviation: 255 is .5."""
        deviation = np.sqrt(np.clip(uncertainty, 0, 0.25))
        save_image(self.out / 'uncertainty' / f'{stem}.png', np.round(deviation * 510).astype(np.uint8))

    def add_panoptic(self, image: np.ndarray, ids: np.ndarray, name: str, stem: str, image_id: int) -> None:
        """Write one image's panoptic map (H, W), class + 1000 * instance as in mmdet, and its overlay."""
        self.kinds.add('panoptic')
        self._add_image(image, name, image_id)
        numbered, segments = panoptic_segments(ids, self.category_ids)
        save_image(self.out / 'panoptic' / f'{stem}.png', ids_as_bgr(numbered))
        self.panoptic_results.add([{'image_id': image_id, 'file_name': f'{stem}.png', 'segments_info': segments}])
        palette = self.meta.get('palette')
        palette = None if isinstance(palette, str) else palette
        drawn = draw_panoptic(image, split_segments(ids, len(self.names)), self.names, palette)
        save_image(self.out / 'overlays' / f'{stem}.jpg', drawn)

    def finish(self) -> list[Path]:
        """Write the JSON files; returns the paths of everything written."""
        categories = [{'id': key, 'name': name} for key, name in zip(self.category_ids, self.names, strict=True)]
        content: dict[str, dict[str, Any] | JsonSpool] = {
            'images.json': {'images': self.images, 'annotations': [], 'categories': categories}}
        if not self.kinds or 'instances' in self.kinds:
            content['predictions.json'] = self.results
            if self.polygons:
                content['predictions_polygons.json'] = self.polygon_results
        if 'panoptic' in self.kinds:
            things = set(self.meta.get('thing_classes') or self.names)
            flagged = [{**item, 'isthing': int(item['name'] in things)} for item in categories]
            content['panoptic.json'] = {
                'images': self.images, 'annotations': self.panoptic_results, 'categories': flagged}
        folders = [self.out / name for name in RESULT_FOLDERS]
        written = [folder for folder in folders if folder.is_dir()]
        for name, value in content.items():
            write_spooled(self.out / name, value)
            written.append(self.out / name)
        return written

    def _add_image(self, image: np.ndarray, name: str, image_id: int) -> None:
        if self._last_image == image_id:
            return  # instances and a panoptic map of one image
        self._last_image = image_id
        height, width = image.shape[:2]
        self.images.add([{'id': image_id, 'file_name': name, 'height': height, 'width': width}])


def write_spooled(path: Path, value: Mapping[str, Any] | JsonSpool) -> None:
    """Write a spool, or an object whose values may be spools, as ``json.dumps`` would write their lists."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, 'w', encoding='utf-8') as stream:
        if isinstance(value, JsonSpool):
            value.copy_to(stream)
        else:
            for index, (key, part) in enumerate(value.items()):
                stream.write(f'{", " if index else "{"}{json.dumps(key)}: ')
                if isinstance(part, JsonSpool):
                    part.copy_to(stream)
                else:
                    stream.write(json.dumps(part, ensure_ascii=False))
            stream.write('}')
        stream.write('\n')


def _write_json(path: Path, value: Any, indent: int | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, ensure_ascii=False, indent=indent) + '\n', encoding='utf-8')

"""Predictions of ``test --out FOLDER``, written image by image: nothing of an image is kept in memory."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.dist import barrier, get_rank, get_world_size, is_main_process
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from mmseg_plugins.data_prep.names import output_stems
from mmseg_plugins.datasets.coco_api import ids_by_name
from mmseg_plugins.structures.coco_json import read_coco
from mmseg_plugins.structures.images import save_image
from mmseg_plugins.structures.rle import encode_mask, iter_masks
from mmseg_plugins.utils.errors import UserError


class StreamedResults(BaseMetric):
    """Writes predictions below a folder and gives no number.

    ::

        predictions.json           COCO results: boxes, scores, masks as compressed RLE (instances)
        labels/<folder>/<name>.png class index of every pixel (semantic)
        foreground/<folder>/<name>.png 255 where an object is, 0 elsewhere (a model of four levels)
        panoptic/<folder>/<name>.npz  array ``ids`` (H, W), class + 1000 * instance (panoptic)

    ``<folder>`` is the last folder of the image's path.  :meth:`name_images` tells images of one folder and name apart.

    Args:
        out: The folder.
        ann_file: COCO file whose category ids are used, matched by class name; None is 1, 2, ...

    Raises:
        UserError: an image that :meth:`name_images` was not told of has the folder and name of another.
    """

    default_prefix = 'streamed'

    def __init__(self, out: str | os.PathLike[str], *, ann_file: str | None = None) -> None:
        super().__init__()
        self.out = Path(out)
        self.ann_file = ann_file
        self.images = 0
        self._names: dict[str, str] = {}  # path of an image -> what its files are called
        self._written: dict[str, str] = {}
        self._category_ids: list[int] | None = None
        self._part(get_rank()).unlink(missing_ok=True)

    def name_images(self, paths: Iterable[str]) -> None:
        """Give each image a name of its own, before the first is predicted.

        Of several images with one folder and name, each is called by its path from the folder that they share, and
        ``a.png`` next to ``a.jpg`` by its suffix: ``a_png``.
        """
        unique = list(dict.fromkeys(paths))
        short = {path: Path(path).parent.name + '/' + Path(path).name for path in unique}
        groups: dict[str, list[str]] = {}
        for path in unique:
            groups.setdefault(str(Path(short[path]).with_suffix('')).casefold(), []).append(path)
        for group in groups.values():
            folders = {str(Path(path).parent) for path in group}
            if len(folders) > 1:
                shared = os.path.commonpath([os.path.abspath(folder) for folder in folders])
                short.update((path, os.path.relpath(path, shared).replace(os.sep, '/')) for path in group)
        self._names = dict(zip(unique, output_stems([short[path] for path in unique]), strict=True))

    def process(self, data_batch: Any, data_samples: Sequence[Mapping[str, Any]]) -> None:
        """Write the predictions of one batch."""
        for sample in data_samples:
            self.images += 1
            if 'pred_sem_seg' in sample:
                labels = _map(sample['pred_sem_seg'])
                labels = labels.astype(np.uint8 if len(self._classes()) < 256 else np.uint16)
                save_image(self._place('labels', sample, '.png'), labels)
            if 'pred_foreground' in sample:
                found = _map(sample['pred_foreground'])
                save_image(self._place('foreground', sample, '.png'), (found > 0).astype(np.uint8) * 255)
            if 'pred_panoptic_seg' in sample:
                path = self._place('panoptic', sample, '.npz')
                path.parent.mkdir(parents=True, exist_ok=True)
                np.savez_compressed(path, ids=_map(sample['pred_panoptic_seg']))
            if 'pred_instances' in sample:
                self._write_instances(sample)

    def evaluate(self, size: int) -> dict[str, float]:
        """Join the parts of all processes; no number is given."""
        barrier()
        if is_main_process():
            parts = [self._part(rank) for rank in range(get_world_size()) if self._part(rank).exists()]
            if parts:
                _join(parts, self.out / 'predictions.json')
            print_log(f'Predictions are written to {self.out}', logger='current')
        return {}

    def compute_metrics(self, results: list[Any]) -> dict[str, float]:
        """Nothing is computed."""
        return {}

    def _classes(self) -> Sequence[str]:
        return (self.dataset_meta or {}).get('classes') or ()

    def _part(self, rank: int) -> Path:
        return self.out / f'predictions.rank{rank}.part'

    def _place(self, kind: str, sample: Mapping[str, Any], suffix: str) -> Path:
        given = str(sample.get('img_path') or sample.get('img_id', self.images))
        path = Path(given)
        name = f'{kind}/{self._names.get(given, f"{path.parent.name}/{path.stem}")}{suffix}'
        first = self._written.setdefault(name, str(path))
        if first != str(path):
            raise UserError(f'--out: {first} and {path} would both be written to {name}.', fix='rename one of both.')
        return self.out / name

    def _write_instances(self, sample: Mapping[str, Any]) -> None:
        found = sample['pred_instances']
        boxes, labels, scores = (_array(found[key]) for key in ('bboxes', 'labels', 'scores'))
        masks = found.get('masks')
        rles = None if masks is None else map(encode_mask, iter_masks(masks if isinstance(masks, list) else
                                                                      _array(masks)))
        self.out.mkdir(parents=True, exist_ok=True)
        with open(self._part(get_rank()), 'a', encoding='utf-8') as stream:
            for box, label, score in zip(boxes.astype(float).tolist(), labels.tolist(), scores.tolist(), strict=True):
                x1, y1, x2, y2 = box[:4]
                entry = {'image_id': sample.get('img_id'), 'category_id': self._category_id(label),
                         'bbox': [x1, y1, x2 - x1, y2 - y1], 'score': score}
                if rles is not None:
                    entry['segmentation'] = next(rles)
                stream.write(json.dumps(entry) + '\n')

    def _category_id(self, label: int) -> int:
        if self._category_ids is None:
            self._category_ids = list(range(1, len(self._classes()) + 1))
            if self.ann_file is not None:
                self._category_ids = ids_by_name(read_coco(self.ann_file).content['categories'], self._classes())
        return self._category_ids[label]


def coco_file(cfg: Mapping[str, Any]) -> str | None:
    """The COCO file that a config's test evaluator compares with, if it names one."""
    evaluators = cfg.get('test_evaluator') or []
    for one in evaluators if isinstance(evaluators, (list, tuple)) else [evaluators]:
        path = one.get('ann_file')
        if isinstance(path, str) and os.path.isfile(path):
            return path
    return None


def _lines(parts: Sequence[Path]) -> Iterator[str]:
    for part in parts:
        with open(part, encoding='utf-8') as stream:
            yield from (line.rstrip('\n') for line in stream)


def _join(parts: Sequence[Path], target: Path) -> None:
    with open(target, 'w', encoding='utf-8') as stream:
        stream.write('[')
        for index, line in enumerate(_lines(parts)):
            stream.write((',\n' if index else '\n') + line)
        stream.write('\n]\n')
    for part in parts:
        part.unlink()


def _map(value: Any) -> np.ndarray:
    """The map (H, W) of a ``PixelData`` as a dict, which mmseg calls ``data`` and mmdet ``sem_seg``.

    Labels of a head of one channel are numbers with a point.
    """
    labels = _array(value['data'] if 'data' in value else value['sem_seg'])
    labels = labels[0] if labels.ndim == 3 else labels
    return labels.astype(np.int64) if labels.dtype.kind == 'f' else labels


def _array(value: Any) -> np.ndarray:
    """A tensor, boxes or an array -> array."""
    value = getattr(value, 'tensor', value)
    return value.detach().cpu().numpy() if hasattr(value, 'detach') else np.asarray(value)

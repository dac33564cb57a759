"""Panoptic ground truth without ``panopticapi``, which no package index serves and mmdet's own step asks for."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmdet.datasets.transforms import LoadAnnotations
from mmdet.structures.mask import BitmapMasks
from mmengine.fileio import get

from mmseg_plugins.registry import TRANSFORMS
from mmseg_plugins.structures.panoptic_ids import decode_ids

VOID = 255


@TRANSFORMS.register_module()
class LoadPanopticAnnotations(LoadAnnotations):
    """``mmdet.LoadPanopticAnnotations`` with the same arguments and results.

    Reads ``segments_info`` and the PNG ``seg_map_path`` of ``CocoPanopticDataset``; without a ``seg_map_path`` (test
    images) only boxes and labels are taken.

    Adds ``gt_bboxes``, ``gt_bboxes_labels``, ``gt_ignore_flags``, ``gt_masks`` (things, in the order of the boxes)
    and ``gt_seg_map`` (H, W) uint8: the class of every pixel, things and stuff, 255 where there is none.

    Raises:
        ValueError: a PNG that cannot be decoded, or more classes than 255.
    """

    def __init__(self, with_bbox: bool = True, with_label: bool = True, with_mask: bool = True, with_seg: bool = True,
                 box_type: str = 'hbox', imdecode_backend: str = 'cv2', backend_args: dict | None = None) -> None:
        super().__init__(
            with_bbox=with_bbox, with_label=with_label, with_mask=with_mask, with_seg=with_seg, box_type=box_type,
            imdecode_backend=imdecode_backend, backend_args=backend_args)  # fmt: skip

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Load what the constructor asked for into ``results``."""
        if self.with_bbox:
            self._load_bboxes(results)
        if self.with_label:
            self._load_labels(results)
        if (self.with_mask or self.with_seg) and results.get('seg_map_path') is not None:
            self._load_segments(results)
        return results

    def _load_segments(self, results: dict[str, Any]) -> None:
        path = results['seg_map_path']
        ids = decode_ids(get(path, backend_args=self.backend_args), path)
        segments = results['segments_info']
        if self.with_mask:
            masks = [ids == segment['id'] for segment in segments if segment['is_thing']]
            stacked = np.stack(masks).astype(np.uint8) if masks else np.zeros((0, *ids.shape), np.uint8)
            results['gt_masks'] = BitmapMasks(stacked, *results['ori_shape'])
        if self.with_seg:
            results['gt_seg_map'] = class_map(ids, segments)
            results['ignore_index'] = VOID


def class_map(ids: np.ndarray, segments: list[dict[str, Any]]) -> np.ndarray:
    """Segment ids (H, W) and ``{'id', 'category'}`` of each segment -> classes (H, W) uint8, 255 elsewhere."""
    known = {int(segment['id']): int(segment['category']) for segment in segments}
    if known and max(known.values()) >= VOID:
        raise ValueError(f'class {max(known.values())} of {max(known.values()) + 1}: a class map holds 255 at most')
    values, inverse = np.unique(ids, return_inverse=True)
    classes = np.array([known.get(int(value), VOID) for value in values], np.uint8)
    return classes[inverse.reshape(ids.shape)]

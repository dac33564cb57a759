"""Visualizers that a config names; the pictures of reports and of ``mmseg-plugins predict`` need none."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmdet.visualization import DetLocalVisualizer

from mmseg_plugins.registry import VISUALIZERS
from mmseg_plugins.visualization.samples import get_label_map


@VISUALIZERS.register_module()
class PanopticVisualizer(DetLocalVisualizer):
    """``mmdet.DetLocalVisualizer`` that also draws a panoptic result without a single segment: the bare image.

    The host stops there (``need at least one array to stack``), as it does on the first images of a young model.
    Of a model that gives a semantic map too, the panoptic one is drawn alone; the host draws both over each other.
    """

    def add_datasample(self, name: str, image: np.ndarray, data_sample: Any = None, **kwargs: Any) -> None:
        """Draw a sample; arguments are the host's."""
        if data_sample is not None and 'pred_panoptic_seg' in data_sample and 'pred_sem_seg' in data_sample:
            data_sample = data_sample.clone()
            del data_sample.pred_sem_seg
        super().add_datasample(name, image, data_sample, **kwargs)

    def _draw_panoptic_seg(self, image: np.ndarray, panoptic_seg: Any, classes: Any, palette: Any) -> np.ndarray:
        if (get_label_map(panoptic_seg) == len(classes)).all():
            return image
        return super()._draw_panoptic_seg(image, panoptic_seg, classes, palette)

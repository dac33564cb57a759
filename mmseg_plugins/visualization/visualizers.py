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
    """

    def _draw_panoptic_seg(self, image: np.ndarray, panoptic_seg: Any, classes: Any, palette: Any) -> np.ndarray:
        if (get_label_map(panoptic_seg) == len(classes)).all():
            return image
        return super()._draw_panoptic_seg(image, panoptic_seg, classes, palette)

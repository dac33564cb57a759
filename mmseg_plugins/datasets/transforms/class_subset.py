"""Label maps of some of the classes of an image, for networks that segment the classes that they are told.

Paper: "Decoupled Deep Neural Network for Semi-supervised Semantic Segmentation", https://arxiv.org/abs/1506.04924,
section 4: every combination of the labels of an image is a training example.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform, to_tensor
from mmcv.transforms.utils import cache_randomness
from mmseg.datasets.transforms import PackSegInputs

from mmseg_plugins.models.task_modules.image_labels import VALUES
from mmseg_plugins.registry import TRANSFORMS
from mmseg_plugins.utils.errors import UserError

KEY = 'class_labels'


@TRANSFORMS.register_module()
class ClassSubset(BaseTransform):
    """Choose a subset of the classes of the label map, at random: foreground is what they cover.

    Each subset but the empty one is as likely as any other.  The label map becomes 1 where a chosen class is, 0 where
    the background or another class is, and stays what is ignored.  ``class_labels`` (256,) float32 is 1 at the chosen
    classes; without any class but the background it is 0 throughout.  Belongs after crops, so that no class is chosen
    that the crop has lost.

    Args:
        background: Label of what no class covers.
        ignore_index: Label of void pixels.

    Required keys: ``gt_seg_map``.  Changed: it; added: ``class_labels``.

    Raises:
        UserError: no label map: ``LoadAnnotations`` is missing before this step.
    """

    def __init__(self, background: int = 0, ignore_index: int = 255) -> None:
        self.background = background
        self.ignore_index = ignore_index

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Choose, and write both."""
        if 'gt_seg_map' not in results:
            raise UserError('ClassSubset: no gt_seg_map.', fix='put LoadAnnotations before this step')
        label = results['gt_seg_map']
        chosen = self.choose(label)
        table = np.zeros(VALUES, label.dtype)
        table[chosen] = 1
        table[self.ignore_index] = self.ignore_index
        results['gt_seg_map'] = table[label]
        results[KEY] = np.zeros(VALUES, np.float32)
        results[KEY][chosen] = 1
        return results

    @cache_randomness
    def choose(self, label: np.ndarray) -> list[int]:
        """Classes of a label map (H, W), ascending; none where it has no class but the background."""
        classes = [v for v in np.unique(label).tolist() if v not in (self.background, self.ignore_index)]
        while classes:
            chosen = [value for value, take in zip(classes, np.random.rand(len(classes)) < 0.5, strict=True) if take]
            if chosen:
                return chosen
        return []

    def __repr__(self) -> str:
        return f'{type(self).__name__}(background={self.background}, ignore_index={self.ignore_index})'


@TRANSFORMS.register_module()
class PackClassLabels(PackSegInputs):
    """``PackSegInputs`` that also packs ``class_labels`` (256,), the classes that an image is said to hold."""

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Pack image, label map, class labels and meta information."""
        packed = super().transform(results)
        if KEY in results:
            packed['data_samples'].set_data({KEY: to_tensor(results[KEY])})
        return packed

"""U-Net's weight map in a pipeline of mmseg."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform, to_tensor
from mmengine.structures import PixelData
from mmseg.datasets.transforms import PackSegInputs

from mmseg_plugins.datasets.transforms.border_weights import balanced_classes, border_weights, connected_instances
from mmseg_plugins.registry import TRANSFORMS
from mmseg_plugins.utils.errors import UserError

KEY = 'gt_weight_map'


@TRANSFORMS.register_module()
class BorderWeightMap(BaseTransform):
    """Add ``gt_weight_map`` (H, W) float32: class weight + w0 exp(-(d1 + d2)^2 / (2 sigma^2)), see ``border_weights``.

    Objects are those of ``gt_instance_map`` where an earlier step has left one, else the connected parts of each class.
    Pixels with the ignored label weigh 0.  Steps after this one crop and flip the map like a label map; deformations
    belong before it.

    Args:
        w0: Weight of a gap of no width.
        sigma: In px of the image at this step: about how wide a gap may be to count.
        balance: Class weights 1 / (share of the class in this image), the rarest class 1; False gives every class 1.
        background: Classes that are no objects.
        ignore_index: Label that is neither object nor background.

    Raises:
        ValueError: ``w0`` below 0 or ``sigma`` not above it.
        KeyError: no label map: ``LoadAnnotations`` is missing before this step.
    """

    def __init__(self, w0: float = 10.0, sigma: float = 5.0, balance: bool = True, background: Sequence[int] = (0, ),
                 ignore_index: int = 255) -> None:
        super().__init__()
        if w0 < 0 or sigma <= 0:
            raise ValueError(f'BorderWeightMap: w0={w0} must be at least 0 and sigma={sigma} px above 0')
        self.w0, self.sigma, self.balance = w0, sigma, balance
        self.background, self.ignore_index = tuple(background), ignore_index

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Make the map from the labels as they are now."""
        if 'gt_seg_map' not in results:
            raise UserError('BorderWeightMap: no gt_seg_map; put LoadAnnotations before this step')
        label = results['gt_seg_map']
        instances = results.get('gt_instance_map')
        if instances is None:
            instances = connected_instances(label, self.background, self.ignore_index)
        classes = balanced_classes(label, self.ignore_index) if self.balance else np.ones(label.shape, np.float32)
        weights = classes + border_weights(instances, self.w0, self.sigma)
        weights[label == self.ignore_index] = 0
        results[KEY] = weights
        if KEY not in results.setdefault('seg_fields', []):
            results['seg_fields'].append(KEY)
        return results

    def __repr__(self) -> str:
        return (f'BorderWeightMap(w0={self.w0}, sigma={self.sigma}, balance={self.balance}, '
                f'background={self.background})')


@TRANSFORMS.register_module()
class PackWeightedSegInputs(PackSegInputs):
    """``PackSegInputs`` that also packs ``gt_weight_map`` (1, H, W), for ``UNetHead``."""

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Pack image, label map, weights and meta information."""
        packed = super().transform(results)
        if KEY in results:
            weights = np.ascontiguousarray(results[KEY][None], np.float32)
            packed['data_samples'].set_data({KEY: PixelData(data=to_tensor(weights))})
        return packed

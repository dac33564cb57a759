"""Detectors that need no training: threshold and watershed, and other methods of scikit-image, SciPy and OpenCV.

They stand in the tables as what every trained system has to beat.  They have no parameters and take no checkpoint;
training one is refused.  Images and results may lie on any device; the work is done on the host, image by image.

Shapes: B images of H x W px, N objects.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
import torch
from mmdet.models.detectors.base import BaseDetector
from mmdet.structures import SampleList
from mmengine.structures import InstanceData
from torch import Tensor

from mmseg_plugins.models.classical.label_maps import LabelMaps
from mmseg_plugins.models.classical.objects import confidence
from mmseg_plugins.models.layers.no_training import host_image, nothing_to_train, refuse_normalized
from mmseg_plugins.registry import MODELS
from mmseg_plugins.structures.masks import mask_boxes


@MODELS.register_module()
class ClassicalDetector(BaseDetector):
    """Every object of the label map is an instance of class 0.

    ``scores`` are :func:`~mmseg_plugins.models.classical.objects.confidence`: solidity times min(1, area /
    ``full_area``).

    Args:
        method, settings, min_area, fill_holes, divide: Those of
            :class:`~mmseg_plugins.models.classical.label_maps.LabelMaps`.
        full_area: Objects below it lose score in proportion, px.
        data_preprocessor: The host's, without mean and std: thresholds are those of the image's own values.
    """

    def __init__(self, *, method: str, settings: Mapping[str, Any] | None = None, min_area: int = 20,
                 fill_holes: bool = True, divide: Mapping[str, Any] | None = None, full_area: int = 30,
                 data_preprocessor: Any = None, init_cfg: Any = None) -> None:
        super().__init__(data_preprocessor=data_preprocessor, init_cfg=init_cfg)
        refuse_normalized(self)
        self.label_maps = LabelMaps(method, settings, min_area=min_area, fill_holes=fill_holes, divide=divide)
        self.full_area = full_area

    def loss(self, batch_inputs: Tensor, batch_data_samples: SampleList) -> dict[str, Tensor]:
        raise nothing_to_train(self)

    def extract_feat(self, batch_inputs: Tensor) -> Any:
        raise nothing_to_train(self, 'has no features')

    def _forward(self, batch_inputs: Tensor, batch_data_samples: Any = None) -> Tensor:
        """Label maps (B, H, W) of images (B, C, H, W): 0 for background, 1..N for objects."""
        maps = np.stack([self.label_maps(host_image(image)) for image in batch_inputs])
        return torch.from_numpy(maps).to(batch_inputs.device)

    def predict(self, batch_inputs: Tensor, batch_data_samples: SampleList, rescale: bool = True) -> SampleList:
        """``masks`` (N, H, W) bool, tight ``bboxes`` (N, 4), ``scores``, ``labels`` 0, best first.

        In the pixels of the original image, or without ``rescale`` in those of ``batch_inputs`` (B, C, H, W).
        """
        results = []
        for image, sample in zip(batch_inputs, batch_data_samples, strict=True):
            height, width = sample.img_shape[:2]
            labels = self.label_maps(host_image(image[:, :height, :width]))
            results.append(self._instances(labels, tuple(sample.ori_shape[:2]) if rescale else (height, width),
                                           batch_inputs.device))
        return self.add_pred_to_datasample(batch_data_samples, results)

    def _instances(self, labels: np.ndarray, size: tuple[int, ...], device: torch.device) -> InstanceData:
        """The objects of labels (h, w) as masks (N, H, W) of ``size`` on the device."""
        scores = torch.from_numpy(confidence(labels, self.full_area))
        if labels.shape != size:
            labels = cv2.resize(labels, size[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
        order = scores.argsort(descending=True, stable=True)
        masks = torch.from_numpy(labels) == (order + 1)[:, None, None]
        masks, scores = masks.to(device), scores[order].to(device)
        return InstanceData(masks=masks, bboxes=mask_boxes(masks), scores=scores,
                            labels=torch.zeros(len(scores), dtype=torch.long, device=device))


@MODELS.register_module()
class ThresholdWatershed(ClassicalDetector):
    """Otsu's threshold, then the watershed of the distance transform: the baseline of tables of blobs.

    ::

        channel -> blur -> Otsu -> side -> holes filled -> distance to the background -> its peaks -> watershed

    Args:
        channel: Of the image: ``gray``, ``blue``, ``green``, ``red``, ``saturation`` or ``value``.
        polarity: Objects are ``bright`` or ``dark``; ``auto`` takes the rarer side of the threshold, image by image.
        sigma: Blur before the threshold, px.
        min_area, fill_holes, full_area: Those of :class:`ClassicalDetector`.
        min_distance: Least distance of two objects' centers, px.
        distance_sigma: Blur of the distance map, px.
    """

    def __init__(self, *, channel: str = 'gray', polarity: str = 'auto', sigma: float = 1.0, min_area: int = 20,
                 fill_holes: bool = True, min_distance: int = 5, distance_sigma: float = 2.0, full_area: int = 30,
                 data_preprocessor: Any = None, init_cfg: Any = None) -> None:
        super().__init__(
            method='otsu', settings=dict(channel=channel, polarity=polarity, sigma=sigma), min_area=min_area,
            fill_holes=fill_holes, divide=dict(min_distance=min_distance, sigma=distance_sigma), full_area=full_area,
            data_preprocessor=data_preprocessor, init_cfg=init_cfg)

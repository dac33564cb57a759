"""What boxes or clicks alone give: GrabCut and watershed, prompted by the ground truth of the test set.

They find no object themselves: places and classes are taken from the annotations, and the masks are compared with
them.  Their rows in the tables say what was given.

Shapes: B images of H x W px, N objects.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import cv2
import numpy as np
import torch
from mmdet.models.detectors.base import BaseDetector
from mmdet.structures import DetDataSample, SampleList
from mmengine.structures import InstanceData
from torch import Tensor

from mmseg_plugins.models.classical.clicks import deepest_point, watershed_from_clicks
from mmseg_plugins.models.classical.grabcut import GrabCutOptions, grabcut, pixel_box
from mmseg_plugins.models.layers.no_training import host_image, nothing_to_train, refuse_normalized
from mmseg_plugins.registry import MODELS
from mmseg_plugins.structures.masks import mask_boxes
from mmseg_plugins.utils.errors import UserError


class PromptedDetector(BaseDetector):
    """A mask for every annotated object, with score 1 and the object's own class, made by :meth:`masks_of`.

    Args:
        data_preprocessor: The host's, without mean and std.
    """

    prompted = True  # what a comparison of systems asks

    def __init__(self, *, data_preprocessor: Any = None, init_cfg: Any = None) -> None:
        super().__init__(data_preprocessor=data_preprocessor, init_cfg=init_cfg)
        refuse_normalized(self)

    @abstractmethod
    def masks_of(self, image: np.ndarray, truth: InstanceData) -> np.ndarray:
        """Masks (N, H, W) bool of the objects of an image (H, W, 3) uint8, BGR; empty ones are left out."""

    def loss(self, batch_inputs: Tensor, batch_data_samples: SampleList) -> dict[str, Tensor]:
        raise nothing_to_train(self)

    def extract_feat(self, batch_inputs: Tensor) -> Any:
        raise nothing_to_train(self, 'has no features')

    def _forward(self, batch_inputs: Tensor, batch_data_samples: Any = None) -> Tensor:
        raise nothing_to_train(self, 'has no output without its prompts')

    def predict(self, batch_inputs: Tensor, batch_data_samples: SampleList) -> SampleList:
        """``masks`` (N, H, W) bool, tight ``bboxes`` (N, 4), ``scores`` 1, ``labels``, in the original image's pixels.

        Raises:
            UserError: an image without annotations.
        """
        results = []
        for image, sample in zip(batch_inputs, batch_data_samples, strict=True):
            if 'gt_instances' not in sample or 'labels' not in sample.gt_instances:  # the hosts pack empty ones
                raise UserError(f'{type(self).__name__} is prompted by annotations, and these images have none.',
                                fix='mmseg-plugins grabcut or mmseg-plugins click, for boxes and clicks of your own.')
            results.append(self._instances(image, sample))
        return self.add_pred_to_datasample(batch_data_samples, results)

    def _instances(self, image: Tensor, sample: DetDataSample) -> InstanceData:
        height, width = sample.img_shape[:2]
        pixels = host_image(image[:, :height, :width]).round().clip(0, 255).astype(np.uint8)
        if (height, width) != tuple(sample.ori_shape[:2]):  # annotations are in the original's pixels
            pixels = cv2.resize(pixels, tuple(sample.ori_shape[1::-1]))
        truth = sample.gt_instances
        masks = torch.from_numpy(self.masks_of(pixels, truth)).to(image.device)
        there = masks.flatten(1).any(1)
        return InstanceData(masks=masks[there], bboxes=mask_boxes(masks)[there], labels=truth.labels[there],
                            scores=torch.ones(int(there.sum()), device=image.device))


@MODELS.register_module()
class GrabCutFromBoxes(PromptedDetector):
    """:func:`~mmseg_plugins.models.classical.grabcut.grabcut` in every annotated box; a missed object is its box."""

    def masks_of(self, image: np.ndarray, truth: InstanceData) -> np.ndarray:
        height, width = image.shape[:2]
        masks = np.zeros((len(truth), height, width), bool)
        corners = truth.bboxes.cpu().numpy()
        boxes = [pixel_box((x1, y1, x2 - x1, y2 - y1), height, width) for x1, y1, x2, y2 in corners]
        for index, box in enumerate(boxes):
            if box is None:
                continue
            others = [other for place, other in enumerate(boxes) if place != index and other is not None]
            mask = grabcut(image, box, GrabCutOptions(), others=others)
            if mask is None:
                x1, y1, x2, y2 = box
                masks[index, y1:y2, x1:x2] = True
            else:
                masks[index] = mask
        return masks


@MODELS.register_module()
class WatershedFromClicks(PromptedDetector):
    """:func:`~mmseg_plugins.models.classical.clicks.watershed_from_clicks`, one click on each object.

    The click is the pixel of the true mask that is farthest from its border.

    Args:
        sigma, radius, band: Those of the function.
        kwargs: Those of :class:`PromptedDetector`.
    """

    def __init__(self, *, sigma: float = 0.5, radius: int = 1, band: int = 6, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.settings: dict[str, Any] = dict(sigma=sigma, radius=radius, band=band)

    def masks_of(self, image: np.ndarray, truth: InstanceData) -> np.ndarray:
        points = [deepest_point(mask > 0) for mask in truth.masks.to_ndarray()]
        labels = watershed_from_clicks(image, points, **self.settings)
        return labels[None] == np.arange(1, len(points) + 1)[:, None, None]

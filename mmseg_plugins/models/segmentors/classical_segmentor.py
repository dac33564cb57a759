"""Semantic segmentation that needs no training: the foreground of a classical method is class 1, the rest class 0.

The counterpart of :mod:`mmseg_plugins.models.detectors.classical_detector` in mmseg's contract; no parameters, no
checkpoint, and the work is done on the host, wherever the images lie.

Shapes: B images of H x W px.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from mmseg.models.segmentors import BaseSegmentor
from torch import Tensor

from mmseg_plugins.models.classical.label_maps import LabelMaps
from mmseg_plugins.models.layers.no_training import host_image, nothing_to_train, refuse_normalized
from mmseg_plugins.registry import MODELS


@MODELS.register_module()
class ClassicalSegmentor(BaseSegmentor):
    """Background and objects.

    Args:
        method, settings, min_area, fill_holes: Those of
            :class:`~mmseg_plugins.models.classical.label_maps.LabelMaps`.
        data_preprocessor: The host's, without mean and std: thresholds are those of the image's own values.
    """

    align_corners = False

    def __init__(self, *, method: str, settings: Mapping[str, Any] | None = None, min_area: int = 20,
                 fill_holes: bool = True, data_preprocessor: Any = None, init_cfg: Any = None) -> None:
        super().__init__(data_preprocessor=data_preprocessor, init_cfg=init_cfg)
        refuse_normalized(self)
        self.label_maps = LabelMaps(method, settings, min_area=min_area, fill_holes=fill_holes)

    def loss(self, inputs: Tensor, data_samples: Any) -> dict[str, Tensor]:
        raise nothing_to_train(self)

    def extract_feat(self, inputs: Tensor) -> Any:
        raise nothing_to_train(self, 'has no features')

    def encode_decode(self, inputs: Tensor, batch_data_samples: Any = None) -> Tensor:
        """Scores (B, 2, H, W) of images (B, C, H, W): 1 for the class of a pixel, 0 for the other."""
        maps = np.stack([self.label_maps(host_image(image)) > 0 for image in inputs])
        return F.one_hot(torch.from_numpy(maps).long(), 2).permute(0, 3, 1, 2).float().to(inputs.device)

    def _forward(self, inputs: Tensor, data_samples: Any = None) -> Tensor:
        return self.encode_decode(inputs, data_samples)

    def predict(self, inputs: Tensor, data_samples: Any = None) -> Any:
        """``pred_sem_seg`` (1, H, W) of the original images' size, 0 background and 1 objects, and ``seg_logits``."""
        return self.postprocess_result(self.encode_decode(inputs, data_samples), data_samples)

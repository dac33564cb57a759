"""InstanceFCN's test on an image pyramid: the windows of all scales compete in one suppression.

Paper: "Instance-sensitive Fully Convolutional Networks", https://arxiv.org/abs/1603.08678, section 3.3: short side
600 * 1.5^(-4 .. 1) px.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch.nn.functional as F
from mmdet.models.detectors.single_stage_instance_seg import SingleStageInstanceSegmentor
from mmdet.structures import SampleList
from mmengine.structures import InstanceData
from torch import Tensor

from mmseg_plugins.models.dense_heads.instance_fcn_head import InstanceFCNHead, output_size
from mmseg_plugins.registry import MODELS


@MODELS.register_module()
class InstanceFCN(SingleStageInstanceSegmentor):
    """Stock single-stage segmentor that tests at several scales; training is the host's.

    Args:
        test_cfg: ``scales``: factors applied to the image as the test pipeline gives it, default (1,).  The rest is the
            mask head's.
        kwargs: Those of ``SingleStageInstanceSegmentor``; ``mask_head`` is an ``InstanceFCNHead``.
    """

    def __init__(self, *, mask_head: dict, **kwargs: Any) -> None:
        super().__init__(mask_head=mask_head, **kwargs)
        if not isinstance(self.mask_head, InstanceFCNHead):
            raise ValueError(
                f'InstanceFCN: mask_head is a {type(self.mask_head).__name__}, which gives no windows to merge over '
                'scales; use mmseg_plugins.InstanceFCNHead, or the detector that this head was made for')

    @property
    def scales(self) -> tuple[float, ...]:
        """Factors of the image pyramid."""
        return tuple((self.test_cfg or {}).get('scales', (1.0, )))

    def predict(self,
                batch_inputs: Tensor,
                batch_data_samples: SampleList,
                rescale: bool = True,
                **kwargs: Any) -> SampleList:
        """Mask proposals (``masks``, tight ``bboxes``, ``scores``, ``labels`` 0) from all scales.

        ``batch_inputs`` (B, 3, H, W) normalized and padded; results are in the original image's pixels when
        ``rescale``, else in the input's.
        """
        metas = [sample.metainfo for sample in batch_data_samples]
        found: list[list[InstanceData]] = [[] for _ in metas]
        for factor in self.scales:
            for image, meta in enumerate(metas):
                # One image at a time: without the batch's padding, which grows with the scale.
                height, width = meta['img_shape'][:2]
                inputs, ratio = self._resize(batch_inputs[image:image + 1, :, :height, :width], factor)
                size = round(height * ratio[1]), round(width * ratio[0])
                base = tuple(meta['scale_factor'])[:2] if rescale else (1.0, 1.0)
                scale = base[0] * ratio[0], base[1] * ratio[1]
                maps = self.mask_head(self.extract_feat(inputs))
                found[image].append(self.mask_head.candidates(*maps, 0, size, scale))
        results = [
            self.mask_head.proposals(InstanceData.cat(parts), output_size(meta, rescale))
            for parts, meta in zip(found, metas, strict=True)
        ]
        return self.add_pred_to_datasample(batch_data_samples, results)

    def _resize(self, image: Tensor, factor: float) -> tuple[Tensor, Sequence[float]]:
        """The image resized and padded as the data preprocessor pads, and its true factors along x and y."""
        height, width = image.shape[-2:]
        size = max(round(height * factor), 1), max(round(width * factor), 1)
        if size != (height, width):
            image = F.interpolate(image, size=size, mode='bilinear', align_corners=False)
        divisor = getattr(self.data_preprocessor, 'pad_size_divisor', 1) or 1
        image = F.pad(image, (0, -size[1] % divisor, 0, -size[0] % divisor))
        return image, (size[1] / width, size[0] / height)

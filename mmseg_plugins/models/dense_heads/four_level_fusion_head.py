"""mmdet's fusion head of MaskFormer and Mask2Former, with the two levels that it lacks: semantic and object maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmdet.models.seg_heads.panoptic_fusion_heads import MaskFormerFusionHead
from mmengine.structures import InstanceData, PixelData
from torch import Tensor
from torch.nn import functional as F

from mmseg_plugins.models.postprocess.four_levels import foreground_probability, semantic_scores
from mmseg_plugins.registry import MODELS


@MODELS.register_module()
class FourLevelFusionHead(MaskFormerFusionHead):
    """``mmdet.MaskFormerFusionHead`` whose ``semantic_on`` works, and which gives the map of all objects.

    Instances and panoptic maps are the host's, to the bit.  For the detector ``FourLevelMask2Former``: the host's own
    refuses a semantic result.

    ``test_cfg``, next to the host's options::

        semantic_on=True     semantic map: class with the greatest sum over the queries of class times mask probability
        foreground_on=True   object map: 1 where the probability that a thing is there exceeds foreground_thr
        foreground_thr=0.5

    Shapes: B images, Q queries, C classes (things first), H x W pixels.

    Raises:
        ValueError: ``foreground_thr`` outside of 0..1, or ``foreground_on`` without a class of things.
    """

    def __init__(self, num_things_classes: int = 80, num_stuff_classes: int = 53, test_cfg: Any = None,
                 **kwargs: Any) -> None:
        super().__init__(num_things_classes=num_things_classes, num_stuff_classes=num_stuff_classes,
                         test_cfg=test_cfg, **kwargs)
        given = test_cfg or {}
        self.foreground_thr = float(given.get('foreground_thr', 0.5))
        if not 0 < self.foreground_thr < 1:
            raise ValueError(f'FourLevelFusionHead: foreground_thr={self.foreground_thr} must lie above 0 and below 1. '
                             'Fix: test_cfg.foreground_thr=0.5')
        if given.get('foreground_on', False) and not num_things_classes:
            raise ValueError('FourLevelFusionHead: foreground_on with num_things_classes=0: there are no objects. '
                             'Fix: test_cfg.foreground_on=False')

    def semantic_postprocess(self, mask_cls: Tensor, mask_pred: Tensor) -> PixelData:
        """Logits (Q, C + 1) and (Q, H, W) -> ``sem_seg`` (1, H, W) of class indices; every pixel gets a class."""
        return PixelData(sem_seg=semantic_scores(mask_cls, mask_pred).argmax(0, keepdim=True))

    def foreground_postprocess(self, mask_cls: Tensor, mask_pred: Tensor) -> PixelData:
        """Logits (Q, C + 1) and (Q, H, W) -> ``sem_seg`` (1, H, W): 1 where an object is, else 0."""
        found = foreground_probability(mask_cls, mask_pred, self.num_things_classes) > self.foreground_thr
        return PixelData(sem_seg=found[None].long())

    def predict(self, mask_cls_results: Tensor, mask_pred_results: Tensor, batch_data_samples: Sequence[Any],
                rescale: bool = False, **kwargs: Any) -> list[dict[str, PixelData | InstanceData]]:
        """Fuse the queries of each image.

        Args:
            mask_cls_results: logits (B, Q, C + 1).
            mask_pred_results: logits (B, Q, H, W) in the frame of the padded batch.
            batch_data_samples: B samples with ``img_shape`` and ``ori_shape``.
            rescale: whether results are in the frame of the original image.

        Returns:
            Per image ``pan_results``, ``ins_results``, ``sem_results`` and ``foreground_results``, as far as they are
            switched on.
        """
        levels = {
            'pan_results': (self.test_cfg.get('panoptic_on', True), self.panoptic_postprocess),
            'ins_results': (self.test_cfg.get('instance_on', False), self.instance_postprocess),
            'sem_results': (self.test_cfg.get('semantic_on', False), self.semantic_postprocess),
            'foreground_results': (self.test_cfg.get('foreground_on', False), self.foreground_postprocess),
        }
        results = []
        for classes, masks, sample in zip(mask_cls_results, mask_pred_results, batch_data_samples, strict=True):
            height, width = sample.metainfo['img_shape'][:2]
            masks = masks[:, :height, :width]  # without the padding of the batch
            if rescale:
                size = tuple(sample.metainfo['ori_shape'][:2])
                masks = F.interpolate(masks[:, None], size=size, mode='bilinear', align_corners=False)[:, 0]
            results.append({name: make(classes, masks) for name, (wanted, make) in levels.items() if wanted})
        return results

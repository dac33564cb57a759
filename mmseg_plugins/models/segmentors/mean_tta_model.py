"""Test-time augmentation of semantic segmentation: the mean of the probabilities, of one channel as well."""

from __future__ import annotations

import torch
from mmengine.structures import PixelData
from mmseg.models.segmentors import SegTTAModel

from mmseg_plugins.registry import MODELS


@MODELS.register_module()
class MeanTTAModel(SegTTAModel):
    """mmseg's ``SegTTAModel``, which is wrong for ``out_channels=1``.

    There ``seg_logits`` of a prediction are probabilities already; ``SegTTAModel`` takes their sigmoid once more, so
    that all of them lie above one half and, at the default threshold of 0.3, everything is foreground.  Here their mean
    is compared with the threshold, and kept as ``seg_logits``.  With several channels nothing differs.

    Args:
        module: The segmentor.
        data_preprocessor: Of the segmentor, where its config has none.
    """

    def merge_preds(self, data_samples_list: list) -> list:
        """The merged prediction of each image; inner lists hold the predictions of its augmented versions."""
        if self.module.out_channels > 1:
            return super().merge_preds(data_samples_list)
        means = [torch.stack([one.seg_logits.data for one in samples]).mean(0) for samples in data_samples_list]
        merged = super().merge_preds(data_samples_list)
        for sample, mean in zip(merged, means, strict=True):
            labels = (mean > self.module.decode_head.threshold).to(mean)
            sample.set_data({'seg_logits': PixelData(data=mean), 'pred_sem_seg': PixelData(data=labels)})
        return merged

"""Test-time dropout: several random passes a picture, their mean, and how much they disagree.

Paper: "Bayesian SegNet: Model Uncertainty in Deep Convolutional Encoder-Decoder Architectures for Scene
Understanding", https://arxiv.org/abs/1511.02680.  Original:
https://github.com/alexgkendall/SegNet-Tutorial/blob/bb68b64e72cb004b3ed927fee0f5624dd8097498/Scripts/test_bayesian_segnet.py.

Shapes: B images, C classes, H x W pixels, T samples.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.structures import PixelData
from mmseg.models.segmentors import EncoderDecoder
from torch import Tensor, nn
from torch.nn.modules.dropout import _DropoutNd

from mmseg_plugins.models.layers.score_maps import log_scores, score_probabilities
from mmseg_plugins.registry import MODELS

TINY = 1e-12  # least probability whose logarithm is taken


@MODELS.register_module()
class BayesianEncoderDecoder(EncoderDecoder):
    """Stock ``EncoderDecoder`` that can predict with its dropouts left on; works with any backbone and head.

    Training is the stock one's.  In ``test_cfg``:

    * ``samples``: T; 0 (the default) predicts once without dropout, as the stock segmentor does.  The paper takes 50;
      from about 6 on its samples beat the single pass.
    * ``sample_seed``: Of the dropouts, 0 by default, so that a picture always gets the same answer.
    * ``mode``: ``'whole'`` or ``'slide'``, as ever.

    With T > 0 a sample holds, besides mmseg's fields:

    * ``seg_logits`` (C, H, W): logarithm of the mean over T of the softmax; ``softmax(seg_logits)`` is that mean.
      With ``out_channels=1`` it is the mean of the sigmoid itself, as mmseg gives it then.
    * ``class_variance`` (C, H, W): variance over T of each class's probability, 0 to .25.
    * ``uncertainty`` (1, H, W): mean of ``class_variance`` over the classes, the paper's overall uncertainty.

    Batch norms keep their statistics.  Time is T times that of one pass; memory does not grow with T.

    Raises:
        ValueError: a number of samples below 0, or T > 0 in a model without a dropout above rate 0.
    """

    def inference(self, inputs: Tensor, batch_img_metas: list[dict]) -> Tensor:
        """Scores (B, C, H, W); with samples (B, 2C, H, W): log of the mean probabilities
        (of one channel its logit), then their variances."""
        test_cfg: Any = self.test_cfg or {}
        samples = test_cfg.get('samples', 0)
        if samples < 0:
            raise ValueError(f'model.test_cfg.samples={samples} must be 0 (no sampling) or more')
        if samples == 0:
            return super().inference(inputs, batch_img_metas)
        mean = square = inputs.new_zeros(())
        with self._sampling(test_cfg.get('sample_seed', 0), inputs.device):
            for index in range(samples):
                chance = score_probabilities(super().inference(inputs, [dict(meta) for meta in batch_img_metas]))
                step = chance - mean  # Welford: no difference of large sums
                mean = mean + step / (index + 1)
                square = square + step * (chance - mean)
        return torch.cat([log_scores(mean, TINY), square / samples], 1)

    def postprocess_result(self, seg_logits: Tensor, data_samples: list | None = None) -> list:
        """mmseg's results in the frame of the original images; variances are taken there with the scores."""
        results = super().postprocess_result(seg_logits, data_samples)
        classes = self.out_channels
        if seg_logits.shape[1] == classes:
            return results
        for sample in results:
            both = sample.seg_logits.data
            scores, variance = both[:classes], both[classes:].clamp(min=0)
            if classes == 1:
                scores = scores.sigmoid()  # as mmseg does with one channel
                labels = (scores > self.decode_head.threshold).to(scores)
            else:
                labels = scores.argmax(0, keepdim=True)
            sample.seg_logits = PixelData(data=scores)
            sample.pred_sem_seg = PixelData(data=labels)
            sample.set_data(dict(
                class_variance=PixelData(data=variance), uncertainty=PixelData(data=variance.mean(0, keepdim=True))))
        return results

    @contextmanager
    def _sampling(self, seed: int, device: torch.device) -> Iterator[None]:
        """Dropouts on, random numbers from ``seed``; afterwards both are as before."""
        dropouts = [module for module in self.modules() if isinstance(module, _DropoutNd) and module.p > 0]
        if not dropouts:
            raise ValueError('model.test_cfg.samples asks for random passes, but the model has no dropout, all would '
                             'be equal; give backbone or head a dropout (SegNetEncoder: dropout_stages, SegNetHead: '
                             'dropout_blocks) or set samples=0')
        modes: list[tuple[nn.Module, bool]] = [(module, module.training) for module in dropouts]
        with torch.random.fork_rng(devices=[device] if device.type == 'cuda' else []):
            torch.manual_seed(seed)
            try:
                for module in dropouts:
                    module.train()
                yield
            finally:
                for dropout, mode in modes:
                    dropout.train(mode)

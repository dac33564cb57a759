"""AdvSemiSeg: a discriminator of label maps teaches a segmentor on labeled and unlabeled images.

Paper: "Adversarial Learning for Semi-Supervised Semantic Segmentation", BMVC 2018, https://arxiv.org/abs/1802.07934.
Original code: https://github.com/hfslyc/AdvSemiSeg/blob/841d546/train.py (no license file).

Shapes: L labeled, U unlabeled, T further labeled images of H x W px, K classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmseg.models import EncoderDecoder
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.models.utils import resize
from torch import Tensor
from torch.func import functional_call
from torch.nn import functional as F

from mmseg_plugins.models.segmentors.unlabeled_batch import iteration, label_maps, split_batch
from mmseg_plugins.registry import MODELS
from mmseg_plugins.utils.errors import UserError


@MODELS.register_module()
class AdvSemiSeg(EncoderDecoder):
    """mmseg's ``EncoderDecoder`` with a discriminator that tells predicted from true label maps, pixel by pixel.

    .. code-block:: none

        labeled images   -> segmentor -> scores -+-> losses of the heads
                                                 +-> softmax -> discriminator -> "true"?  loss_adv
        unlabeled images -> segmentor -> scores -+-> softmax -> discriminator -> "true"?  loss_semi_adv
                                                 +-> own classes where sigmoid(discriminator) >= threshold: loss_semi
        discriminator: predictions of both are "predicted", one-hot label maps are "true"  loss_discriminator

    The terms for the segmentor do not reach the discriminator's weights, nor the other way round, so one backward pass
    gives both their gradients; the optimizers step together, as in the original (``optim_wrapper.constructor =
    'mmseg_plugins.OptimizerPerPart'``).  Void pixels count in none of the terms.  Where no pixel passes the threshold,
    ``loss_semi`` is 0.  (The original then drops the unlabeled images' adversarial term of that step, too.)

    Batches: :func:`~mmseg_plugins.models.segmentors.unlabeled_batch.split_batch`.  Labeled images after the unlabeled
    ones are not trained on; their label maps are the discriminator's true ones, as the original's third loader gives
    them.  Without them those of the labeled images are.  Any backbone, neck and heads of an ``EncoderDecoder``.

    Args:
        args, kwargs: Of ``EncoderDecoder``.
        discriminator: Config of a module from maps (B, K, H, W) to logits (B, 1, h, w); default ``FCDiscriminator``.
        lambda_adv: Weight of ``loss_adv``.  The README's command has .01, the code's default is .1.
        lambda_semi_adv, lambda_semi: Weights of the terms of unlabeled images.
        threshold: Least confidence of a pixel whose class is learned.
        semi_start_adv, semi_start: Iterations, from 0, at which the terms of unlabeled images begin.

    Raises:
        UserError: a head of one channel, or a batch without labeled or unlabeled images.
    """

    takes_unlabeled = True  # what the check of a training's config asks

    def __init__(self,
                 *args: Any,
                 discriminator: dict | None = None,
                 lambda_adv: float = 0.01,
                 lambda_semi_adv: float = 0.001,
                 lambda_semi: float = 0.1,
                 threshold: float = 0.2,
                 semi_start_adv: int = 0,
                 semi_start: int = 5000,
                 **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.out_channels < 2:
            raise UserError('AdvSemiSeg: decode_head.out_channels=1.', rule='the discriminator reads maps of classes.',
                            fix='out_channels=2, which a background class and one other have.')
        self.discriminator = MODELS.build(
            dict(type='mmseg_plugins.FCDiscriminator', num_classes=self.out_channels) | (discriminator or {}))
        self.lambda_adv, self.lambda_semi_adv, self.lambda_semi = lambda_adv, lambda_semi_adv, lambda_semi
        self.threshold, self.semi_start_adv, self.semi_start = threshold, semi_start_adv, semi_start

    def loss(self, inputs: Tensor, data_samples: list) -> dict:
        """Losses of the heads by their names, and those of the picture above; ``passed`` is a share of pixels."""
        parts, step = split_batch(inputs, data_samples), iteration()
        losses: dict[str, Tensor] = {}
        predicted = []
        if step >= self.semi_start_adv:  # first, as in the original: norms see one group after the other
            size = parts.unlabeled.shape[2:]
            scores = self.encode_decode(parts.unlabeled, [dict(img_shape=size)] * len(parts.unlabeled)).float()
            losses.update(self._unlabeled_losses(scores, step >= self.semi_start))
            predicted.append(scores.detach())
        known = label_maps(parts.samples) != self.decode_head.ignore_index  # (L, H, W)
        losses_of_heads, scores = self._labeled(parts.labeled, parts.samples)
        losses.update(losses_of_heads)
        losses['loss_adv'] = self.lambda_adv * judged(self._judge(scores, learns=False), True, known)
        predicted.insert(0, scores.detach())
        losses['loss_discriminator'] = self._discriminator_loss(predicted, known, label_maps(parts.truth))
        return losses

    def _labeled(self, images: Tensor, samples: Sequence[Any]) -> tuple[dict, Tensor]:
        """Losses of the heads, and the scores (L, K, H, W) that they are taken of where the head's loss is mmseg's."""
        maps, head = self.extract_feat(images), self.decode_head
        metas = [dict(img_shape=images.shape[2:])] * len(images)
        if type(head).loss is BaseDecodeHead.loss:
            raw = head.forward(maps)
            losses = {f'decode.{key}': value for key, value in head.loss_by_feat(raw, samples).items()}
            scores = head.predict_by_feat(raw, metas)
        else:
            losses = self._decode_head_forward_train(maps, samples)
            scores = head.predict(maps, metas, self.test_cfg)
        if self.with_auxiliary_head:
            losses.update(self._auxiliary_head_forward_train(maps, samples))
        return losses, scores.float()

    def _unlabeled_losses(self, scores: Tensor, teaches: bool) -> dict[str, Tensor]:
        """Of scores (U, K, H, W); with ``teaches`` their own classes are learned where the discriminator believes."""
        logits = self._judge(scores, learns=False)
        losses = dict(loss_semi_adv=self.lambda_semi_adv * judged(logits, True))
        if teaches:
            passed = logits.detach().sigmoid() >= self.threshold  # (U, H, W)
            own = F.cross_entropy(scores, scores.detach().argmax(1), reduction='none')
            losses['loss_semi'] = self.lambda_semi * mean_of(own, passed)
            losses['passed'] = passed.float().mean()
        return losses

    def _discriminator_loss(self, predicted: list[Tensor], known: Tensor, truth: Tensor) -> Tensor:
        """Half the error on predictions (labeled first), half that on the label maps ``truth`` (T, H, W)."""
        everywhere = [torch.ones_like(known[:1]).expand(len(one), -1, -1) for one in predicted[1:]]
        on_predictions = judged(self._judge(torch.cat(predicted), learns=True), False, torch.cat([known, *everywhere]))
        valid = truth != self.decode_head.ignore_index
        classes = torch.arange(self.out_channels, device=truth.device)[:, None, None]
        one_hot = (truth[:, None] == classes) & valid[:, None]  # void is no class
        on_truth = judged(self._confidence(one_hot.float(), learns=True), True, valid)
        return 0.5 * on_predictions + 0.5 * on_truth

    def _judge(self, scores: Tensor, learns: bool) -> Tensor:
        return self._confidence(scores.softmax(1), learns)

    def _confidence(self, maps: Tensor, learns: bool) -> Tensor:
        """Logits (B, H, W) of "true" for maps (B, K, H, W); without ``learns`` the weights are constants."""
        if learns:
            logits = self.discriminator(maps)
        else:
            fixed = {name: weight.detach() for name, weight in self.discriminator.named_parameters()}
            logits = functional_call(self.discriminator, fixed, (maps, ))
        return resize(logits, maps.shape[2:], mode='bilinear', align_corners=True).squeeze(1).float()


def judged(logits: Tensor, true: bool, counted: Tensor | None = None) -> Tensor:
    """Mean binary cross-entropy of logits (B, H, W) against one answer for all, over those ``counted``."""
    wanted = logits.new_full((), float(true)).expand_as(logits)
    loss = F.binary_cross_entropy_with_logits(logits, wanted, reduction='none')
    return loss.mean() if counted is None else mean_of(loss, counted)


def mean_of(values: Tensor, counted: Tensor) -> Tensor:
    """Mean of the values that are counted; 0 with a graph where none is."""
    return (values * counted).sum() / counted.sum().clamp(min=1)

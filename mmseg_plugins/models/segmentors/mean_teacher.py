"""A mean teacher with CutMix: unlabeled images are learned from an average of the model over time.

Papers: "Mean teachers are better role models", https://arxiv.org/abs/1703.01780; "Semi-supervised semantic segmentation
needs strong, varied perturbations", BMVC 2020, https://arxiv.org/abs/1906.01916 (CutMix; squared error);
"ClassMix", https://arxiv.org/abs/2007.07936 (the teacher's classes by cross-entropy, weighted by the confident share).
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from mmseg.models import EncoderDecoder
from torch import Tensor, nn
from torch.nn import functional as F

from mmseg_plugins.models.layers.cut_mix import cut_boxes, paste, sigmoid_ramp
from mmseg_plugins.models.segmentors.unlabeled_batch import iteration, split_batch
from mmseg_plugins.registry import MODELS
from mmseg_plugins.utils.errors import UserError

CONSISTENCIES = ('cross_entropy', 'squared_error')


@MODELS.register_module()
class MeanTeacher(EncoderDecoder):
    """mmseg's ``EncoderDecoder`` as a student, and its moving average as the teacher, which is what is evaluated.

    .. code-block:: none

        labeled images   -> student -> losses of its heads
        unlabeled images -> teacher -> probabilities -> boxes of other images pasted in -+-> consistency loss
             boxes of other images pasted in -> student ---------------------------------+

    The consistency loss is the mean over all pixels times the share of pixels of which the teacher is confident, times
    the ramp.  The teacher runs in evaluation mode; before each training step it becomes
    ``a * teacher + (1 - a) * student`` with ``a = min(1 - 1 / (t + 1), momentum)``, t the iteration from 0, so that it
    begins as the student.  Statistics of norms are averaged as weights are.  The teacher's weights are buffers: they
    are in the checkpoint, but no optimizer and no count of parameters sees them.

    Batches: :func:`~mmseg_plugins.models.segmentors.unlabeled_batch.split_batch`, at least two unlabeled images in
    each.  Any backbone, neck and heads of an ``EncoderDecoder``; the teacher has no auxiliary heads.

    Args:
        args, kwargs: Of ``EncoderDecoder``.
        momentum: Of the average, 0 to 1.
        consistency: ``'cross_entropy'`` with the teacher's most likely class, or ``'squared_error'`` between
            probabilities, summed over the classes.
        consistency_weight: Of that loss.
        threshold: Least probability of a confident pixel.
        ramp_up: Iterations until the loss has its whole weight; 0 gives it from the start.
        cut_share: Of the image's area, pasted from another one.

    Raises:
        UserError: a setting out of range; a batch without labeled images or with less than two unlabeled ones.
    """

    takes_unlabeled = True  # what the check of a training's config asks

    def __init__(self,
                 *args: Any,
                 momentum: float = 0.99,
                 consistency: str = 'cross_entropy',
                 consistency_weight: float = 1.0,
                 threshold: float = 0.97,
                 ramp_up: int = 0,
                 cut_share: float = 0.5,
                 **kwargs: Any) -> None:
        described = copy.deepcopy(kwargs)
        super().__init__(*args, **kwargs)
        _check(self.out_channels, momentum=momentum, threshold=threshold, cut_share=cut_share)
        if consistency not in CONSISTENCIES:
            raise UserError(f'MeanTeacher: consistency={consistency!r}.', rule=f'one of {", ".join(CONSISTENCIES)}.',
                            fix='correct it.')
        self.momentum, self.consistency, self.weight = momentum, consistency, consistency_weight
        self.threshold, self.ramp_up, self.cut_share = threshold, ramp_up, cut_share
        for key in ('data_preprocessor', 'auxiliary_head', 'init_cfg'):
            described.pop(key, None)
        self.teacher = EncoderDecoder(*args, **described)
        as_buffers(self.teacher.eval())

    def train(self, mode: bool = True) -> MeanTeacher:
        """Set the mode of the student."""
        super().train(mode)
        self.teacher.eval()
        return self

    def loss(self, inputs: Tensor, data_samples: list) -> dict:
        """Losses of the labeled part by the heads' names, ``loss_consistency``, and ``confident``, a share."""
        step = iteration()
        self._average(min(1 - 1 / (step + 1), self.momentum))
        parts = split_batch(inputs, data_samples)
        losses = super().loss(parts.labeled, parts.samples)
        consistency, confident = self._consistency(parts.unlabeled)
        losses['loss_consistency'] = consistency * (self.weight * sigmoid_ramp(step, self.ramp_up))
        losses['confident'] = confident
        return losses

    def encode_decode(self, inputs: Tensor, batch_img_metas: list[dict]) -> Tensor:
        """Scores (B, K, H, W): of the student in training, else of the teacher."""
        if self.training:
            return super().encode_decode(inputs, batch_img_metas)
        return self.teacher.encode_decode(inputs, batch_img_metas)

    def _forward(self, inputs: Tensor, data_samples: list | None = None) -> Tensor:
        if self.training:
            return super()._forward(inputs, data_samples)
        return self.teacher._forward(inputs, data_samples)

    def _consistency(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Loss of unlabeled images (U, 3, H, W), and the share of confident pixels."""
        if len(images) < 2:
            raise UserError('a batch with a single unlabeled image.', rule='CutMix pastes one image into another.',
                            fix='a larger train_dataloader.batch_size, or other parts of the batch sampler.')
        metas = [dict(img_shape=images.shape[2:])] * len(images)
        height, width = images.shape[2:]
        boxes = cut_boxes(len(images), height, width, self.cut_share)
        with torch.no_grad():
            wanted = paste(self.teacher.encode_decode(images, metas).float().softmax(1), boxes)
            chance, labels = wanted.max(1)
            confident = (chance >= self.threshold).float().mean()
        scores = super().encode_decode(paste(images, boxes), metas).float()
        if self.consistency == 'cross_entropy':
            return F.cross_entropy(scores, labels) * confident, confident
        return (scores.softmax(1) - wanted).square().sum(1).mean() * confident, confident

    @torch.no_grad()
    def _average(self, kept: float) -> None:
        student = self.state_dict()
        for name, average in self.teacher.state_dict().items():
            if average.is_floating_point():
                average.lerp_(student[name], 1 - kept)
            else:
                average.copy_(student[name])


def as_buffers(module: nn.Module) -> None:
    """Turn all parameters of a module into buffers of the same names, in place."""
    for part in module.modules():
        for name, parameter in list(part.named_parameters(recurse=False)):
            delattr(part, name)
            part.register_buffer(name, parameter.detach())


def _check(channels: int, **settings: float) -> None:
    if channels < 2:
        raise UserError('MeanTeacher: decode_head.out_channels=1.', rule='it compares probabilities of classes.',
                        fix='out_channels=2, which a background class and one other have.')
    for name, value in settings.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
            raise UserError(f'MeanTeacher: {name}={value!r}.', rule='0 to 1.', fix='correct it.')

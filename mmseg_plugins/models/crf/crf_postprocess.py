"""A CRF after any finished model: what ``post_process = dict(type=...)`` of a config names.

It takes a host's predictions and the images they are of, so no model has to be changed.

Shapes: C classes, H x W pixels of the original image.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Literal

import torch
from mmengine.structures import PixelData
from torch import Tensor

from mmseg_plugins.registry import MODELS
from mmseg_plugins.structures.masks import mask_boxes
from mmseg_plugins.utils.deprecation import renamed_arguments

from .conv_crf import FORMER_NAMES, ConvCRFParams, conv_crf
from .crf_presets import resolve_params
from .dense_crf import dense_crf, labels_to_probabilities

CLIP = 1e-5
LEAST = 1e-20  # probability that still has a logarithm
LEAST_MARGIN = 4  # px around an instance


class CRFPostProcess(ABC):
    """Refine label maps (mmseg) or instance masks (mmdet), in place.

    A label map is made anew from the marginals of the CRF, whose unary energies are ``-log softmax`` of the scores;
    ``seg_logits`` become scores that say the same (log-marginals, mostly).  A model of one channel is a CRF of two
    classes.

    An instance mask is a CRF of two classes inside the box around it and a margin: where the mask is, it says object
    with ``mask_confidence``.  Scores and boxes stay.  A mask that would vanish stays as it was.

    Args:
        channel_order: In which the CRF sees colors, ``rgb`` or ``bgr``; lattices differ in the third digit.
        scores: What ``seg_logits`` of the model are: ``logits``, ``probabilities`` (MaskFormer, Mask2Former and SAN
            give class weights that need not add up to 1; they are divided by their sum), or ``auto``, by its head.
        threshold: Above which a model of one channel says foreground; default that of its head, or one half.
        mask_confidence: Above .5, below 1.
        margin: Around an instance, in shares of its sides, and 4 px at least.
        min_score: Instances below this score are left as they are.
    """

    def __init__(self,
                 *,
                 channel_order: Literal['rgb', 'bgr'] = 'rgb',
                 scores: Literal['auto', 'logits', 'probabilities'] = 'auto',
                 threshold: float | None = None,
                 mask_confidence: float = 0.9,
                 margin: float = 0.1,
                 min_score: float = 0.05) -> None:
        name = type(self).__name__
        if channel_order not in ('rgb', 'bgr'):
            raise ValueError(f'{name}: channel_order={channel_order!r} must be "rgb" or "bgr"')
        if scores not in ('auto', 'logits', 'probabilities'):
            raise ValueError(f'{name}: scores={scores!r} must be "auto", "logits" or "probabilities"')
        if threshold is not None and not 0 < threshold < 1:
            raise ValueError(f'{name}: threshold={threshold} must lie above 0 and below 1')
        if not 0.5 < mask_confidence < 1:
            raise ValueError(f'{name}: mask_confidence={mask_confidence} must lie above .5 and below 1')
        if margin < 0:
            raise ValueError(f'{name}: margin={margin} must be 0 or more')
        self.channel_order = channel_order
        self.scores = scores
        self.threshold = threshold
        self.mask_confidence = mask_confidence
        self.margin = margin
        self.min_score = min_score

    @abstractmethod
    def refine(self, probabilities: Tensor, image: Tensor) -> Tensor:
        """Probabilities (1, C, H, W) and colours (1, K, H, W) in 0..255 -> marginals (1, C, H, W)."""

    @torch.no_grad()
    def __call__(self, samples: Sequence[Any], images: Sequence[Tensor], model: Any = None) -> Sequence[Any]:
        """Refine the predictions of some images.

        Args:
            samples: The host's data samples, which are changed.
            images: (3, H, W), RGB in 0..255, or (K, H, W), of the predictions' size.
            model: Which made the predictions, for ``scores='auto'`` and ``threshold``.

        Raises:
            ValueError: a sample with neither scores of a label map nor masks.
        """
        for sample, image in zip(samples, images, strict=True):
            if self.channel_order == 'bgr' and len(image) == 3:
                image = image.flip(0)
            if 'seg_logits' in sample:
                self._refine_labels(sample, image, model)
            elif 'pred_instances' in sample and 'masks' in sample.pred_instances:
                self._refine_masks(sample.pred_instances, image)
            else:
                raise ValueError(
                    f'{type(self).__name__} needs seg_logits (mmseg) or pred_instances.masks (mmdet); the prediction '
                    f'has {sorted(sample.keys())}. Fix: leave post_process out for models of boxes or panoptic maps')
        return samples

    def probabilities(self, sample: Any, model: Any = None) -> Tensor:
        """A sample's class probabilities (C, H, W); for a model of one channel (2, H, W), one half at its threshold."""
        scores = sample.seg_logits.data.float()
        if len(scores) == 1:  # mmseg has taken the sigmoid
            level = self._threshold(model)
            odds = (scores.clamp(CLIP, 1 - CLIP).logit() - torch.tensor(level).logit().item()).sigmoid()
            return torch.cat([1 - odds, odds])
        if self._kind(model) == 'logits':
            return scores.softmax(0)
        return scores.clamp_min(CLIP) / scores.clamp_min(CLIP).sum(0)

    def as_scores(self, probabilities: Tensor, one_channel: bool, model: Any = None) -> Tensor:
        """The ``seg_logits`` of which :meth:`probabilities` makes these."""
        if one_channel:
            odds = probabilities[1:].clamp(CLIP, 1 - CLIP).logit()
            return (odds + torch.tensor(self._threshold(model)).logit().item()).sigmoid()
        return probabilities.clamp_min(LEAST).log() if self._kind(model) == 'logits' else probabilities

    def _kind(self, model: Any) -> str:
        if self.scores != 'auto':
            return self.scores
        return 'probabilities' if gives_class_weights(model) else 'logits'

    def _threshold(self, model: Any) -> float:
        if self.threshold is not None:
            return self.threshold
        return getattr(getattr(model, 'decode_head', None), 'threshold', None) or 0.5

    def _refine_labels(self, sample: Any, image: Tensor, model: Any) -> None:
        probabilities = self.probabilities(sample, model)
        marginals = self.refine(probabilities[None], image[None].to(probabilities.device))[0]
        labels = marginals.argmax(0, keepdim=True)
        one = len(sample.seg_logits.data) == 1
        sample.pred_sem_seg = PixelData(data=labels.to(sample.pred_sem_seg.data.dtype))
        sample.seg_logits = PixelData(data=self.as_scores(marginals, one, model))

    def _refine_masks(self, instances: Any, image: Tensor) -> None:
        """One instance after the other: each has a lattice of its own."""
        masks = instances.masks
        scores = instances.scores if 'scores' in instances else masks.new_ones(len(masks), dtype=torch.float32)
        refined = masks.clone()
        for index in torch.nonzero((scores >= self.min_score) & masks.flatten(1).any(1)).flatten().tolist():
            top, left, bottom, right = self._region(masks[index])
            mask = masks[index, top:bottom, left:right]
            probabilities = labels_to_probabilities(mask[None].long(), 2, self.mask_confidence)
            colors = image[None, :, top:bottom, left:right].to(mask.device)
            inside = self.refine(probabilities, colors)[0].argmax(0).bool()
            if bool(inside.any()):
                refined[index] = False
                refined[index, top:bottom, left:right] = inside
        instances.masks = refined

    def _region(self, mask: Tensor) -> tuple[int, int, int, int]:
        """Rows and columns of the mask's box and the margin: top, left, bottom, right (half open)."""
        x1, y1, x2, y2 = (int(side) for side in mask_boxes(mask[None])[0].tolist())
        bounds = []
        for first, last, size in ((y1, y2, mask.size(0)), (x1, x2, mask.size(1))):
            around = max(LEAST_MARGIN, round(self.margin * (last - first)))
            bounds.append((max(0, first - around), min(size, last + around)))
        (top, bottom), (left, right) = bounds
        return top, left, bottom, right


def gives_class_weights(model: Any) -> bool:
    """Whether a segmentor's scores are sums of mask and class probabilities instead of logits."""
    head = getattr(getattr(model, 'module', model), 'decode_head', None)
    if isinstance(head, torch.nn.ModuleList):
        head = head[-1]
    names = {kind.__name__ for kind in type(head).__mro__}
    return bool(names & {'MaskFormerHead', 'Mask2FormerHead', 'SideAdapterCLIPHead'})


@MODELS.register_module()
class DenseCRFPostProcess(CRFPostProcess):
    """Dense CRF on the permutohedral lattice.

    .. code-block:: python

        post_process = dict(type='mmseg_plugins.DenseCRFPostProcess', preset='deeplabv2-r101')

    Args:
        preset: Name of one of :data:`~.crf_presets.PRESETS`.
        params: Parameters that replace the preset's: ``dict(bilateral_sxy=40, iterations=5)``.
        kwargs: Of :class:`CRFPostProcess`.

    Raises:
        ValueError: no such preset or parameter.
    """

    def __init__(self, preset: str = 'pydensecrf', *, params: dict | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.params = resolve_params(preset, dict(params or {}))

    def refine(self, probabilities: Tensor, image: Tensor) -> Tensor:
        """See :meth:`CRFPostProcess.refine`."""
        return dense_crf(probabilities, image, self.params, clip=CLIP)


@MODELS.register_module()
class ConvCRFPostProcess(CRFPostProcess):
    """ConvCRF: exact messages inside a window on pooled maps; nothing is sorted or built for an image.

    Args:
        params: Of :class:`~.conv_crf.ConvCRFParams`, where they differ from the original's.
        kwargs: Of :class:`CRFPostProcess`.
    """

    def __init__(self, *, params: dict | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        given = renamed_arguments('ConvCRFPostProcess.params', params or {}, FORMER_NAMES)
        self.params = ConvCRFParams(**{**given, 'final_softmax': True})

    def refine(self, probabilities: Tensor, image: Tensor) -> Tensor:
        """See :meth:`CRFPostProcess.refine`."""
        return conv_crf(probabilities.clamp_min(CLIP).log(), image, self.params)

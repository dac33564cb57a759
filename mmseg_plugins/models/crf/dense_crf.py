"""Dense CRF: sharpen scores along the edges of the image.

Papers: "Efficient Inference in Fully Connected CRFs with Gaussian Edge Potentials", https://arxiv.org/abs/1210.5644;
after a network since DeepLab, https://arxiv.org/abs/1412.7062.  The results are those of
lucasb-eyer/pydensecrf@2723c7f, without compiled code.

Shapes: B images, C classes, K channels, H x W pixels, N = H W.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor

from mmseg_plugins.models.crf.crf_features import bilateral_features, position_features
from mmseg_plugins.models.crf.mean_field import ExactMessages, LatticeMessages, Messages, Mix, mean_field

from .crf_inputs import check_colors, check_scores
from .crf_presets import Compat, CRFParams, resolve_params

Kind = Literal['probabilities', 'logits', 'energies']
KINDS = ('probabilities', 'logits', 'energies')
MODES = ('lattice', 'exact')


def dense_crf(unary: Tensor,
              image: Tensor,
              params: str | CRFParams = 'pydensecrf',
              *,
              kind: Kind = 'probabilities',
              clip: float = 1e-5,
              mode: Literal['lattice', 'exact'] = 'lattice',
              pad_to_multiple: int = 1,
              **changes: Any) -> Tensor:
    """Marginals of a dense CRF, by mean field; differentiable in ``unary``.

    The lattices of an image are built once for all iterations and the backward pass.

    .. code-block:: python

        q = dense_crf(logits.softmax(1), image, 'deeplabv2-r101', iterations=5)

    Args:
        unary: (B, C, H, W), finite.
        image: (B, K, H, W), colors in 0..255 (uint8 or floating point), as they are: not normalized.
        params: Name of one of :data:`~.crf_presets.PRESETS`, or parameters.
        kind: What ``unary`` holds: ``probabilities`` (of sum 1), ``logits`` (their softmax are the probabilities), or
            ``energies`` (-log P, used as they are).
        clip: Least probability, also of the logits' softmax; energies are not clipped.
        mode: ``lattice``, or ``exact``: the sum over all pairs of pixels, for small images.
        pad_to_multiple: 4 gives pydensecrf's results also where N is not a multiple of 4 (see
            :class:`~mmseg_plugins.ops.PermutohedralLattice`).
        changes: Parameters that replace those of ``params``.

    Returns:
        (B, C, H, W), float32 (float64 for such a ``unary``), sum 1 over the classes.

    Raises:
        ValueError: sizes that differ, or a value without a meaning (NaN, probabilities or colors that are none); the
            message says which.
    """
    _check(unary, image, kind, mode)
    chosen = resolve_params(params, changes)
    with torch.autocast(unary.device.type, enabled=False):
        scores = unary if unary.dtype == torch.float64 else unary.float()
        logits = log_probabilities(scores, kind, clip)
        mixes = crf_mixes(chosen, logits)
        refined = []
        for one, colors in zip(logits, image, strict=True):  # one image at a time: each has its own lattices
            messages = crf_messages(colors, chosen, logits.dtype, mode, pad_to_multiple)
            rows = one.flatten(1).t().contiguous()  # (C, H, W) -> (N, C)
            marginals = mean_field(rows, messages, mixes, chosen.iterations).softmax(1) if mixes else rows.softmax(1)
            refined.append(marginals.t().reshape(one.shape))
        return torch.stack(refined)


def log_probabilities(unary: Tensor, kind: Kind, clip: float = 1e-5) -> Tensor:
    """Negative energies (B, C, H, W); a constant for each pixel has no meaning."""
    if kind == 'energies':
        return -unary
    probabilities = unary.softmax(1) if kind == 'logits' else unary
    return probabilities.clamp(clip, 1).log()


def labels_to_probabilities(labels: Tensor, num_classes: int, confidence: float, ignore_index: int = 255) -> Tensor:
    """Probabilities for a map without any: ``confidence`` for its label, the rest shared by the other classes.

    Args:
        labels: (B, H, W) of 0..C-1; ``ignore_index`` gives 1 / C for all classes.
        confidence: Above 1 / C, below 1.

    Returns:
        (B, C, H, W), float32.
    """
    if not 1 / num_classes < confidence < 1:
        raise ValueError(f'confidence={confidence} of a label must lie above 1 / {num_classes} and below 1')
    ignored = labels == ignore_index
    chosen = torch.where(ignored, 0, labels).long().unsqueeze(1)
    rest = (1 - confidence) / (num_classes - 1)
    shape = (len(labels), num_classes, *labels.shape[1:])
    probabilities = torch.full(shape, rest, device=labels.device).scatter_(1, chosen, confidence)
    return probabilities.masked_fill_(ignored.unsqueeze(1), 1 / num_classes)


def crf_messages(image: Tensor, params: CRFParams, dtype: torch.dtype, mode: str = 'lattice',
                 pad_to_multiple: int = 1) -> Messages:
    """The kernels of one image (K, H, W) that ``params`` do not leave out."""
    colors = image.to(dtype)
    size = (image.shape[-2], image.shape[-1])
    features = []
    if params.gaussian_compat is not None:
        features.append(position_features(size, params.gaussian_sxy, like=colors))
    if params.bilateral_compat is not None:
        features.append(bilateral_features(colors, params.bilateral_sxy, params.bilateral_srgb))
    if mode == 'exact':
        return ExactMessages(features, params.normalization)
    return LatticeMessages(features, params.normalization, pad_to_multiple=pad_to_multiple) if features else _silence


def _silence(values: Tensor, mixes: Any) -> Tensor:
    return torch.zeros_like(values)


def crf_mixes(params: CRFParams, like: Tensor) -> list[Mix]:
    """What each kernel's messages are multiplied with, ``like`` (B, C, H, W) giving C, type and device."""
    kept = [one for one in (params.gaussian_compat, params.bilateral_compat) if one is not None]
    return [_mix(one, like) for one in kept]


def _mix(compat: Compat, like: Tensor) -> Mix:
    if isinstance(compat, (int, float)):
        return float(compat)
    table = torch.as_tensor(compat, dtype=like.dtype, device=like.device)
    classes = like.size(1)
    if table.shape == (classes,):
        return torch.diag(-table)
    if table.shape != (classes, classes):
        raise ValueError(
            f'CRF: a compatibility of shape {tuple(table.shape)} does not fit {classes} classes. Give a number, '
            f'{classes} numbers or {classes} x {classes} numbers')
    return -(table + table.t()) / 2


def _check(unary: Tensor, image: Tensor, kind: str, mode: str) -> None:
    if kind not in KINDS:
        raise ValueError(f'dense_crf: kind={kind!r} must be one of {KINDS}')
    if mode not in MODES:
        raise ValueError(f'dense_crf: mode={mode!r} must be one of {MODES}')
    if unary.dim() != 4 or image.dim() != 4:
        raise ValueError(
            f'dense_crf: unary of shape {tuple(unary.shape)} and image of shape {tuple(image.shape)}; give (images, '
            'classes, height, width) and (images, channels, height, width)')
    if unary.shape[-2:] != image.shape[-2:] or len(unary) != len(image):
        raise ValueError(
            f'dense_crf: unary of shape {tuple(unary.shape)} and image of shape {tuple(image.shape)} differ in number '
            'or size. Fix: resize the scores to the image')
    if not unary.is_floating_point():
        raise ValueError(f'dense_crf: unary of type {unary.dtype}; for label maps use labels_to_probabilities')
    check_scores('dense_crf', unary, kind)
    check_colors('dense_crf', image)

"""ConvCRF: a dense CRF whose pixels see a window only, so that filtering is a sum over its places.

Paper: "Convolutional CRFs for Semantic Segmentation", https://arxiv.org/abs/1805.04777.
Original code: MarvinTeichmann/ConvCRF@0930637 (MIT).  There the image size is fixed at construction and symmetric
normalization takes one image; here neither holds.

Shapes: B images, C classes, K channels, H x W pixels, h x w cells after pooling, S the window's side.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from mmseg_plugins.utils.deprecation import renamed_arguments

from .crf_inputs import check_colors, check_scores

FORMER_NAMES = MappingProxyType({
    'colour_schan': 'color_schan',
    'colour_compat': 'color_compat',
    'colour_sxy': 'color_sxy',
    'normalisation': 'normalization',
})


@dataclass(frozen=True)
class ConvCRFParams:
    """The original's settings, by default those of its demonstration.

    Attributes:
        iterations: 1 or more.
        window: S, odd.
        blur: Messages are computed on maps pooled by this factor.
        position_sxy, position_compat: Standard deviation (px) and weight of the kernel of positions.
        color_schan, color_compat: Standard deviation (of 0..255) and weight of the kernel of colors.
        color_sxy: Standard deviation in px by which that kernel looks at positions as well; None: at colors only.
        normalization: ``none`` or ``symmetric``.
        weight: Share of the message against ``unary_weight`` - share of the scores; None adds the two.
        unary_weight: See there.
        log_softmax: Whether the scores become log-probabilities first.
        final_softmax: Whether the last result becomes probabilities.
    """

    iterations: int = 5
    window: int = 11
    blur: int = 4
    position_sxy: float = 3
    position_compat: float = 3
    color_schan: float = 13
    color_compat: float = 10
    color_sxy: float | None = None
    normalization: Literal['none', 'symmetric'] = 'none'
    weight: float | None = 0.2
    unary_weight: float = 1
    log_softmax: bool = True
    final_softmax: bool = False

    def __post_init__(self) -> None:
        if self.window < 1 or self.window % 2 == 0:
            raise ValueError(f'ConvCRF: window={self.window} must be an odd number')
        if self.blur < 1 or self.iterations < 1:
            raise ValueError(f'ConvCRF: blur={self.blur} and iterations={self.iterations} must be 1 or more')
        if self.normalization not in ('none', 'symmetric'):
            raise ValueError(f'ConvCRF: normalization={self.normalization!r} must be "none" or "symmetric"')


def conv_crf(logits: Tensor, image: Tensor, params: ConvCRFParams | None = None, **changes: Any) -> Tensor:
    """Refine logits; differentiable in them.

    As in the original, the first message is made of the log-probabilities themselves, later ones of probabilities.

    Args:
        logits: (B, C, H, W).
        image: (B, K, H, W), colors in 0..255, not normalized.
        params: Default: the original's.
        changes: Parameters that replace those of ``params``.

    Returns:
        (B, C, H, W), float32 (float64 for such logits): log-scores, or probabilities with ``final_softmax``.

    Raises:
        ValueError: image and logits of different size, NaN, or an image that is not in 0..255.
    """
    if logits.dim() != 4 or image.dim() != 4 or logits.shape[-2:] != image.shape[-2:] or len(logits) != len(image):
        raise ValueError(
            f'conv_crf: logits {tuple(logits.shape)} and image {tuple(image.shape)} differ in number or size. Fix: '
            'resize the logits to the image')
    check_scores('conv_crf', logits, 'logits')
    check_colors('conv_crf', image)
    chosen = replace(params or ConvCRFParams(), **renamed_arguments('conv_crf', changes, FORMER_NAMES))
    with torch.autocast(logits.device.type, enabled=False):
        exact = logits if logits.dtype == torch.float64 else logits.float()
        kernels = window_kernels(image.to(exact.dtype), chosen)
        unary = exact.log_softmax(1) if chosen.log_softmax else exact
        current = unary
        for step in range(chosen.iterations):
            message = _message(current, kernels, chosen)
            if chosen.weight is None:
                current = unary + message
            else:
                current = (chosen.unary_weight - chosen.weight) * unary + chosen.weight * message
            if step + 1 < chosen.iterations or chosen.final_softmax:
                current = current.softmax(1)
        return current


def window_kernels(image: Tensor, params: ConvCRFParams) -> list[tuple[Tensor, Tensor | None]]:
    """Weighted kernels (B or 1, S S, h, w), each with the scale (B or 1, 1, h, w) before and after it; None: none."""
    height, width = image.shape[-2:]
    rows = torch.arange(height, dtype=image.dtype, device=image.device)[:, None].expand(-1, width)
    columns = torch.arange(width, dtype=image.dtype, device=image.device).expand(height, -1)
    mesh = torch.stack([rows, columns])[None]  # (1, 2, H, W)
    colors = image / params.color_schan
    if params.color_sxy is not None:
        colors = torch.cat([mesh.expand(len(image), -1, -1, -1) / params.color_sxy, colors], 1)
    position = _window_gaussian(_pool(mesh / params.position_sxy, params.blur), params.window)
    color = _window_gaussian(_pool(colors, params.blur), params.window)
    weighted = [(params.position_compat, position), (params.color_compat, color)]
    if params.normalization == 'none':  # one sum instead of two
        return [(params.position_compat * position + params.color_compat * color, None)]
    scaled: list[tuple[Tensor, Tensor | None]] = []
    for compat, kernel in weighted:
        ones = kernel.new_ones(len(kernel), 1, *kernel.shape[-2:])
        scaled.append((compat * kernel, (_window_sum(ones, kernel) + 1e-20).rsqrt()))
    return scaled


def _message(values: Tensor, kernels: list[tuple[Tensor, Tensor | None]], params: ConvCRFParams) -> Tensor:
    """(B, C, H, W) -> the same, by way of maps pooled by ``blur``."""
    pooled = _pool(values, params.blur)
    total = torch.zeros_like(pooled)
    for kernel, scale in kernels:
        total = total + (
            _window_sum(pooled, kernel) if scale is None else scale * _window_sum(scale * pooled, kernel))
    if params.blur == 1:
        return total
    height, width = values.shape[-2:]
    top, left = _margins(values, params.blur)
    large = F.interpolate(total, scale_factor=params.blur, mode='bilinear', align_corners=False)
    return large[:, :, top:top + height, left:left + width]


def _margins(maps: Tensor, blur: int) -> tuple[int, int]:
    """Padding above and on the left that makes up for sides that ``blur`` does not divide."""
    top, left = ((-side % blur + 1) // 2 for side in maps.shape[-2:])
    return top, left


def _pool(maps: Tensor, blur: int) -> Tensor:
    """Means over blur x blur pixels, padding not counted."""
    if blur == 1:
        return maps
    return F.avg_pool2d(maps, blur, padding=_margins(maps, blur), count_include_pad=False)


def _window_gaussian(features: Tensor, window: int) -> Tensor:
    """exp(-|f_i - f_j|^2 / 2) of cell i and each place j of its window, 0 outside: (B, d, h, w) -> (B, S S, h, w)."""
    inside = F.pad(torch.ones_like(features[:1, :1]), [window // 2] * 4)
    near = F.pad(features, [window // 2] * 4)
    return torch.stack([
        (-0.5 * (features - at).square().sum(1)).exp() * there[:, 0]
        for at, there in zip(_shifts(near, window), _shifts(inside, window), strict=True)
    ], 1)


def _window_sum(values: Tensor, kernel: Tensor) -> Tensor:
    """sum_j kernel_ij values_j over the window; one place at a time, so no window is ever copied out."""
    window = round(kernel.size(1)**0.5)
    total = torch.zeros_like(values)
    for place, at in enumerate(_shifts(F.pad(values, [window // 2] * 4), window)):
        total = torch.addcmul(total, at, kernel[:, place:place + 1])
    return total


def _shifts(padded: Tensor, window: int) -> list[Tensor]:
    """The map as each place of the window sees it, row by row."""
    height, width = padded.size(-2) - window + 1, padded.size(-1) - window + 1
    return [padded[:, :, y:y + height, x:x + width] for y in range(window) for x in range(window)]

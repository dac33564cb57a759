"""What a CRF may be given: values with a meaning.  One NaN becomes an image of NaN, and logits or colors of another
scale give smooth, wrong labels without a word."""

from __future__ import annotations

import torch
from torch import Tensor

from mmseg_plugins.utils.errors import UserError

SUM_TOLERANCE = 0.02  # of the classes' probabilities; half precision leaves less than 0.005
COLOR_TOLERANCE = 0.5  # outside 0..255


def check_scores(owner: str, unary: Tensor, kind: str) -> None:
    """Refuse scores (B, C, H, W) that are not finite, or that are no probabilities although ``kind`` says so.

    Raises:
        UserError: naming what was found.
    """
    found = unary.detach()
    if not found.numel():
        return
    total = found.sum(1) if found.dtype == torch.float64 else found.float().sum(1)
    low, high, least, most = torch.stack([found.min(), found.max(), total.min(), total.max()]).tolist()
    if not all(map(_is_finite, (low, high, least, most))):
        raise UserError(
            f'{owner}: {_not_finite(found)} of the {found.numel()} scores are NaN or infinite; one makes all pixels '
            'NaN.',
            fix='look at what the model gives for this image (weights, loss, half precision).',
        )
    if kind != 'probabilities':
        return
    if low < -SUM_TOLERANCE or high > 1 + SUM_TOLERANCE:
        raise UserError(
            f"{owner}: scores of {low:.3g} to {high:.3g} are no probabilities, which kind='probabilities' says.",
            rule='0 to 1.',
            fix="kind='logits' for what a network gives, kind='energies' for negative logarithms.",
        )
    if abs(least - 1) > SUM_TOLERANCE or abs(most - 1) > SUM_TOLERANCE:
        raise UserError(
            f'{owner}: the scores of a pixel sum to between {least:.3g} and {most:.3g} over the classes.',
            rule='probabilities sum to 1.',
            fix="divide them by their sum; of one foreground map p give the two classes 1 - p and p; kind='logits' for "
                'what a network gives.',
        )


def check_colors(owner: str, image: Tensor) -> None:
    """Refuse images (B, K, H, W) whose values are not finite or not of the scale 0..255.

    Raises:
        UserError: naming what was found.
    """
    if image.dtype == torch.uint8 or not image.numel():
        return
    found = image.detach()
    whole = (found == found.round()).all() if found.is_floating_point() else torch.ones((), device=found.device)
    low, high, is_whole = torch.stack([found.min().double(), found.max().double(), whole.double()]).tolist()
    if not (_is_finite(low) and _is_finite(high)):
        raise UserError(
            f'{owner}: {_not_finite(found)} of the {found.numel()} values of the image are NaN or infinite.',
            fix='give the image as it was read.',
        )
    if low < -COLOR_TOLERANCE or high > 255 + COLOR_TOLERANCE:
        kind = 'is normalized' if low < 0 else 'has more than 8 bits'
        raise UserError(
            f'{owner}: values of {low:.4g} to {high:.4g}; it looks as if the image {kind}.',
            rule='colors in 0..255, as they are in the file.',
            fix='undo the normalization, or scale the image to 0..255 (16 bits: divide by 257).',
        )
    if high <= 1 and not is_whole:
        raise UserError(
            f'{owner}: values of {low:.4g} to {high:.4g}; it looks as if the image was divided by 255.',
            rule='colors in 0..255, as they are in the file.',
            fix='multiply the image by 255.',
        )


def _is_finite(value: float) -> bool:
    return abs(value) < float('inf')


def _not_finite(values: Tensor) -> int:
    return int((~values.isfinite()).sum())

"""Do the pixels that a preprocessor gives suit the weights that a network starts from?

A first convolution that was trained on BGR pixels of 0 to 255 and gets normalized RGB ones raises no error: the run is
only worse.  For files of known origin (``ORIGINS``) the two are compared.
"""

from __future__ import annotations

import os
from typing import Any

import torch

from mmseg_plugins.engine.checks.known_files import BGR, NORMALIZED, ORIGINS, RGB
from mmseg_plugins.utils.errors import UserError

IMAGENET_STD = (57.12, 57.375, 58.395)  # sorted
NEAR = 1.0  # deviations that differ by less are the same


def pixels_given(preprocessor: Any) -> str | None:
    """What a data preprocessor of mmengine, mmdet or mmseg makes of BGR images; None for deviations of another kind."""
    if preprocessor is None:
        return None
    inner = getattr(preprocessor, 'data_preprocessor', None)  # of several branches
    if inner is not None:
        return pixels_given(inner)
    turned = getattr(preprocessor, 'channel_conversion', None)
    if turned is None:
        turned = getattr(preprocessor, '_channel_conversion', False)
    std = getattr(preprocessor, 'std', None)
    values = (1.0, ) if std is None else tuple(sorted(torch.as_tensor(std).flatten().tolist()))
    if all(value == 1 for value in values):
        return RGB if turned else BGR
    if len(values) == 3 and all(abs(a - b) < NEAR for a, b in zip(values, IMAGENET_STD, strict=True)):
        return NORMALIZED if turned else NORMALIZED.replace('RGB', 'BGR')
    return None


def check_pixels(model: Any, path: str, checkpoint: str) -> None:
    """Compare what ``model.data_preprocessor`` gives with what the weights of a file of known origin read.

    Raises:
        UserError: they differ.
    """
    origin = ORIGINS.get(os.path.basename(checkpoint))
    given = pixels_given(getattr(model, 'data_preprocessor', None))
    if origin is None or given in (None, origin.pixels):
        return
    raise UserError(
        f'{path} starts from {checkpoint}, whose first convolution reads {origin.pixels}, but the model gets {given}.',
        rule='pixels are those that the weights were trained on; otherwise training is worse without an error.',
        fix='data_preprocessor: bgr_to_rgb, mean and std; or a file for such pixels, named init_cfg.checkpoint.')

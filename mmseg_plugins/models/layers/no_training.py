"""What models without parameters share: pixels on the host, and why they cannot be trained."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor, nn

from mmseg_plugins.utils.errors import UserError


def host_image(image: Tensor) -> np.ndarray:
    """An image (C, H, W) on any device as (H, W, C) on the host."""
    return np.ascontiguousarray(image.permute(1, 2, 0).cpu().numpy())


def nothing_to_train(model: nn.Module, problem: str = 'has no parameters: there is nothing to train') -> UserError:
    """The error of a model without parameters that is asked for more than predictions."""
    return UserError(f'{type(model).__name__} {problem}.',
                     fix='mmseg-plugins test CONFIG, or predict, which need no checkpoint here.')


def refuse_normalized(model: Any) -> None:
    """Refuse a data preprocessor that normalizes: thresholds are those of the image's own values.

    Raises:
        UserError: it has a mean and a std.
    """
    if getattr(model.data_preprocessor, '_enable_normalize', False):
        raise UserError(f'{type(model).__name__} looks at the values of the image itself, but its data_preprocessor '
                        'normalizes them.', fix='leave mean and std out of data_preprocessor.')

"""Which classes an image holds, as a vector over all values that a label may have.

Shapes: B images.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

VALUES = 256  # of labels of 8 bits; the last is the ignored one


def image_labels(data_samples: Sequence[Any]) -> Tensor:
    """One row an image: 1 for each class that it holds, 0 elsewhere.

    Args:
        data_samples: mmseg's.  ``class_labels`` (256,), where a sample has them (``PackClassLabels``), else the values
            that occur in ``gt_sem_seg``.

    Returns:
        (B, 256) float32; column k is the class of label k.
    """
    rows = []
    for sample in data_samples:
        if 'class_labels' in sample:
            rows.append(sample.class_labels.float())
            continue
        label = sample.gt_sem_seg.data.flatten().long()
        rows.append(torch.zeros(VALUES, device=label.device).scatter_(0, label, 1.0))
    return torch.stack(rows)

"""Check the label maps of a training batch before the model sees them.

What a wrong label gives otherwise is "Target 30 is out of bounds" on a CPU, a device assertion that ends CUDA for the
process, and never the name of the file.  The labels are still on the CPU here; a batch of four 224 x 224 crops takes
about a millisecond.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from mmseg_plugins.utils.errors import UserError


def check_batch_labels(inputs: Sequence[Tensor], data_samples: Sequence[Any], num_classes: int,
                       ignore_index: int) -> None:
    """Compare ``gt_sem_seg`` (1, H, W) of each sample with its image (channels, H, W) and with the classes.

    Samples without ``gt_sem_seg`` are passed over.

    Raises:
        UserError: labels that are neither in [0, ``num_classes``) nor ``ignore_index``, or another size.
    """
    problems = []
    for image, sample in zip(inputs, data_samples, strict=True):
        labels = sample.get('gt_sem_seg')
        if labels is None:
            continue
        labels, name = labels.data, sample.get('seg_map_path') or f'the labels of {sample.get("img_path", "an image")}'
        if labels.shape[-2:] != image.shape[-2:]:
            problems.append(f'{name}: {labels.shape[-1]} x {labels.shape[-2]} px after the pipeline, its image is '
                            f'{image.shape[-1]} x {image.shape[-2]}. Rule: equal sizes. Fix: write the map in its '
                            "image's size; transforms of your own must change both")
        wrong = labels[((labels < 0) | (labels >= num_classes)) & (labels != ignore_index)]
        if len(wrong):
            values = wrong.unique().tolist()
            problems.append(f'{name}: labels {values[:8]}{" ..." if len(values) > 8 else ""} are neither in 0..'
                            f'{num_classes - 1} ({num_classes} classes) nor the ignored {ignore_index}. Fix: correct '
                            'the map, num_classes of the heads, or reduce_zero_label of the data set')
    if problems:
        raise UserError('\n  - '.join(['label maps of the batch do not fit:', *problems]))

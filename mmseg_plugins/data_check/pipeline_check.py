"""Whether the pipeline of a data set begins with an image, ends with a sample, and loads what the model learns from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmseg_plugins.config.loading_steps import HOSTS, is_known_step, is_of_host, loads_image, step_name
from mmseg_plugins.data_check.check_report import DatasetReport

_COLOR_TYPES = ('color', 'grayscale', 'unchanged', 'color_ignore_orientation', 'grayscale_ignore_orientation')
_LAST = ('Pack', 'MultiBranch', 'TestTimeAug')  # how steps begin that give what a model takes


def pipeline_problem(split: str, steps: Any, cls: type, model: Any, mixed: bool = False) -> str | None:
    """What of a data set's pipeline would kill the first batch; None where nothing is known to.

    Args:
        split: ``train``, ``val`` or ``test``.
        steps: The pipeline's config.
        cls: The data set's class; one of another package may give more than a path.
        model: The model's config.
        mixed: Whether a wrapper has a pipeline of its own after this one.
    """
    place = f'the pipeline of {split}'
    steps = [step for step in steps or () if isinstance(step, Mapping)]
    for step in steps:
        if is_of_host(step, 'LoadImageFromFile') and step.get('color_type', 'color') not in _COLOR_TYPES:
            return (f'{place}: color_type = {step["color_type"]!r}. Rule: one of {", ".join(_COLOR_TYPES)}. '
                    "Fix: color_type='color'.")
    if not steps or cls.__module__.split('.')[0] not in (*HOSTS, 'mmseg_plugins'):
        return None
    loading = [step for step in steps if loads_image(step)]
    if not loading and step_name(steps[-1]).startswith('Pack') and all(is_known_step(step) for step in steps):
        return f"{place} loads no image. Rule: it begins with a step that does. Fix: dict(type='LoadImageFromFile')."
    if loading and step_name(loading[0]) == 'LoadImageFromNDArray':
        return (f'{place} has LoadImageFromNDArray, which takes images from memory; the data set gives files. '
                "Fix: type='LoadImageFromFile'.")
    if loading and not mixed and is_known_step(steps[-1]) and not step_name(steps[-1]).startswith(_LAST):
        return (f'{place} ends with {step_name(steps[-1])}. Rule: a step packs what the model takes. '
                "Fix: dict(type='PackDetInputs') of mmdet, or PackSegInputs of mmseg, at its end.")
    return _lacking_truth(place, steps, model) if split == 'train' else None


def _lacking_truth(place: str, steps: Sequence[Mapping[str, Any]], model: Any) -> str | None:
    """Boxes or masks that mmdet's ``LoadAnnotations`` does not load and a head of the model learns from."""
    reading = [step for step in steps if is_of_host(step, 'LoadAnnotations')]
    parts = model if isinstance(model, Mapping) else {}
    roi_head = parts.get('roi_head')
    masks = isinstance(roi_head, Mapping) and 'mask_head' in roi_head  # others, as BoxInst's, may learn from boxes
    for key, head, needed in (('with_bbox', 'rpn_head', 'rpn_head' in parts), ('with_mask', 'mask_head', masks)):
        if needed and reading and not any(step.get(key, key == 'with_bbox') for step in reading):
            return (f'{place} has LoadAnnotations without {key}=True, and the {head} learns from it. '
                    f'Fix: {key}=True there.')
    return None


def check_channels(report: DatasetReport, model: Any, scope: str | None) -> None:
    """Add an error where images that are loaded as they are have other channels than the network takes."""
    parts = model if isinstance(model, Mapping) else {}
    preprocessor, backbone = parts.get('data_preprocessor') or {}, parts.get('backbone') or {}
    mean = preprocessor.get('mean')
    taken = len(mean) if mean is not None and len(mean) > 1 else backbone.get('in_channels')
    turned = bool(preprocessor.get('bgr_to_rgb') or preprocessor.get('rgb_to_bgr'))
    fit = {number for number in report.channels if number == taken or (turned and taken == 3 and number > 3)
           or (not turned and scope == 'mmseg' and number == 1)}
    wrong = {number: name for number, name in report.channels.items() if number not in fit}
    if taken is not None and wrong:
        number, name = next(iter(wrong.items()))
        report.errors.append(
            f'{name} has {number} channels as it is loaded, the network takes {taken}. Rule: all images have as many. '
            "Fix: color_type='color' or 'grayscale' in LoadImageFromFile, or other images.")


def check_batch_sizes(report: DatasetReport, cfg: Mapping[str, Any], steps: Any) -> None:
    """Add an error where mmseg could not stack images of several sizes in a batch.

    It pads up to ``size`` of the preprocessor, and a larger image stays as it is.
    """
    size = ((cfg.get('model') or {}).get('data_preprocessor') or {}).get('size')
    names = [step_name(step) for step in steps or () if isinstance(step, Mapping)]
    fixed = {'LoadImageFromFile', 'LoadAnnotations', 'RandomFlip', 'PhotoMetricDistortion', 'PackSegInputs'}
    alone = (cfg.get('train_dataloader') or {}).get('batch_size', 1) == 1
    if size is None or alone or not names or not fixed.issuperset(names) or len(report.sizes) < 2:
        return
    large = next((one for one in report.sizes if one[0] > size[-1] or one[1] > size[-2]), None)
    if large is not None:
        report.errors.append(
            f'images of {len(report.sizes)} sizes, such as {large[0]} x {large[1]} ({report.sizes[large]}), and the '
            f'preprocessor pads to {size[-1]} x {size[-2]}. Rule: the images of a batch have one size. Fix: '
            f"dict(type='RandomCrop', crop_size={tuple(size)}) in the pipeline, or batch_size=1.")

"""Whether the pipeline of a data set begins with an image, ends with a sample, and loads what the model learns from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmseg_plugins.config.loading_steps import HOSTS, is_known_step, is_of_host, loads_image, step_name
from mmseg_plugins.data_check.check_report import DatasetReport
from mmseg_plugins.data_check.pipeline_sizes import outcome

_COLOR_TYPES = ('color', 'grayscale', 'unchanged', 'color_ignore_orientation', 'grayscale_ignore_orientation')
#: Steps that move what is in an image, and whose predictions nothing moves back.
_MOVING = ('RandomCrop', 'CenterCrop', 'MinIoURandomCrop', 'RandomCenterCropPad', 'RandomShift', 'RandomAffine',
           'Expand', 'RandomRotate', 'RandomRotFlip', 'Mosaic', 'MixUp', 'CopyPaste', 'RandomMosaic')  # fmt: skip
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
    if cls.__module__.split('.')[0] not in (*HOSTS, 'mmseg_plugins'):
        return None
    if not steps:  # a config without a model only describes data
        trains = isinstance(model, Mapping) and 'type' in model and not mixed
        return (f'{place} is empty. Rule: steps load an image and pack it for the model. Fix: '
                "pipeline=[dict(type='LoadImageFromFile'), ..., dict(type='PackSegInputs')].") if trains else None
    packing = [step for step in steps[:-1] if step_name(step).startswith('Pack') and is_known_step(step)]
    if packing:
        early = step_name(packing[0])
        return f'{place} goes on after {early}. Rule: the step that packs is the last. Fix: leave out what follows it.'
    loading = [step for step in steps if loads_image(step)]
    if not loading and step_name(steps[-1]).startswith('Pack') and all(is_known_step(step) for step in steps):
        return f"{place} loads no image. Rule: it begins with a step that does. Fix: dict(type='LoadImageFromFile')."
    if loading and step_name(loading[0]) == 'LoadImageFromNDArray':
        return (f'{place} has LoadImageFromNDArray, which takes images from memory; the data set gives files. '
                "Fix: type='LoadImageFromFile'.")
    if loading and not mixed and is_known_step(steps[-1]) and not step_name(steps[-1]).startswith(_LAST):
        return (f'{place} ends with {step_name(steps[-1])}. Rule: a step packs what the model takes. '
                "Fix: dict(type='PackDetInputs') of mmdet, or PackSegInputs of mmseg, at its end.")
    if split != 'train':
        return _of_other_places(place, steps) or _lacking_meta(place, steps[-1], model)
    return _lacking_truth(place, steps, model)


def _of_other_places(place: str, steps: Sequence[Mapping[str, Any]]) -> str | None:
    """Steps after which predictions lie elsewhere than in the image that they are compared with."""
    for step in steps:
        acts = step.get('prob', 1) != 0 and not step.get('test_mode', False)
        if step_name(step) in _MOVING and is_known_step(step) and acts:
            return (f'{place} has {step_name(step)}, which moves what is predicted. Rule: predictions are measured in '
                    'the whole image, as it lies in its file. Fix: leave this step to the training.')
    return None


def _lacking_meta(place: str, last: Mapping[str, Any], model: Any) -> str | None:
    """Entries of an image that mmdet's predictions read and the packing step leaves out."""
    keys = last.get('meta_keys')
    if step_name(last) != 'PackDetInputs' or not isinstance(keys, (list, tuple)):
        return None
    boxes = isinstance(model, Mapping) and any(part in model for part in ('rpn_head', 'bbox_head', 'roi_head'))
    needed = ('img_shape', 'ori_shape', *(['scale_factor'] if boxes else []))
    lacking = [key for key in needed if key not in keys]
    if not lacking:
        return None
    return (f'{place}: meta_keys of PackDetInputs lack {", ".join(map(repr, lacking))}. Rule: predictions are brought '
            "to the image's size by them. Fix: add them.")


def label_size_problem(split: str, steps: Any, sizes: Sequence[tuple[int, int]]) -> str | None:
    """How label maps of mmseg's validation get another size than predictions, which have the image's.

    Args:
        split: ``val`` or ``test``.
        steps: The pipeline's config.
        sizes: Of images, (h, w).
    """
    steps = [step for step in steps or () if isinstance(step, Mapping)]
    first = next((i for i, step in enumerate(steps) if is_of_host(step, 'LoadAnnotations')), None)
    if first is None:
        return None
    for size in sizes:
        made = outcome(steps[first:], size).sizes
        if made and made != [size]:
            return (f'the pipeline of {split} makes {made[0][1]} x {made[0][0]} px of a label map of {size[1]} x '
                    f"{size[0]} px. Rule: predictions are compared with the map in the image's size. Fix: "
                    'LoadAnnotations after the steps that change the size.')
    return None


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


def no_label_step_problem(split: str, steps: Any, model: Any, evaluators: Any) -> str | None:
    """A pipeline of a labeled set that loads no label maps, where a head learns from them or a metric compares."""
    steps = [step for step in steps or () if isinstance(step, Mapping)]
    if not steps or any('Annotation' in step_name(step) for step in steps) or not all(map(is_known_step, steps)):
        return None
    metrics = evaluators if isinstance(evaluators, (list, tuple)) else [evaluators]
    reader = ''
    if split == 'train' and isinstance(model, Mapping) and 'decode_head' in model:
        reader = 'the decode head learns from them'
    elif split != 'train' and any(step_name(metric) == 'IoUMetric' and not metric.get('format_only')
                                  for metric in metrics if isinstance(metric, Mapping)):
        reader = f'IoUMetric of {split}_evaluator compares with them'
    return (f'the pipeline of {split} loads no label maps, and {reader}. Rule: a step loads what is learned or '
            "compared. Fix: dict(type='LoadAnnotations') after the step that loads the image." if reader else None)


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


def check_batch_sizes(report: DatasetReport, cfg: Mapping[str, Any], split: str) -> None:
    """Add an error where mmseg could not stack images of several sizes in a batch.

    In training it pads up to ``size`` of the preprocessor, and a larger image stays as it is; elsewhere it takes a
    batch of one size alone.

    Args:
        report: of the set; ``inputs`` holds the sizes after its pipeline.
        cfg: the whole config.
        split: ``train``, ``val`` or ``test``.
    """
    sizes = report.inputs.get(split, ())
    preprocessor = (cfg.get('model') or {}).get('data_preprocessor') or {}
    size = preprocessor.get('size') if split == 'train' else None
    number = (cfg.get(f'{split}_dataloader') or {}).get('batch_size', 1)
    if number == 1 or (split == 'train' and size is None):
        return
    least = tuple(size[-2:]) if size is not None else (0, 0)
    padded = {(max(h, least[0]), max(w, least[1])) for h, w in sizes}
    if len(padded) < 2:
        return
    h, w = max(sizes, key=lambda one: one[0] * one[1])
    name = report.sizes.get((w, h))
    shown = f'images of {len(sizes)} sizes after the pipeline, such as {w} x {h}{f" ({name})" if name else ""}'
    if size is None:
        report.errors.append(f'{shown}, and {split}_dataloader.batch_size={number}. Rule: mmseg predicts images of one '
                             f'size in a batch. Fix: {split}_dataloader.batch_size=1, or Resize with keep_ratio=False.')
        return
    report.errors.append(
        f'{shown}, and the preprocessor pads to {size[-1]} x {size[-2]}. Rule: the images of a batch have one size. '
        f"Fix: dict(type='RandomCrop', crop_size={tuple(size)}) in the pipeline, or batch_size=1.")


def padding_problem(split: str, model: Any) -> str | None:
    """How mmseg's preprocessor, which pads a training batch by one of two numbers, has none or both of them."""
    preprocessor = (model.get('data_preprocessor') if isinstance(model, Mapping) else None) or {}
    if split != 'train' or step_name(preprocessor) != 'SegDataPreProcessor':
        return None
    size, divisor = preprocessor.get('size'), preprocessor.get('size_divisor')
    if (size is None) != (divisor is None):
        return None
    return (f'model.data_preprocessor has size={size} and size_divisor={divisor}. Rule: a training batch is padded by '
            'one of the two. Fix: size=(512, 512), say, the crops of the pipeline, and size_divisor=None.')

"""What a pipeline makes of the sizes of images, told by its own steps, which run on blank images.

A ``Resize`` that keeps the ratio makes 96 x 0 px of an image of 5000 x 3 px, and OpenCV stops a worker in the middle of
a training.  Which sizes that concerns is a matter of all steps and of how they are set, so they are asked themselves.
Random steps are asked at both ends of what they draw.  An error counts only where the same steps take an image of
ordinary size.

Sizes are (h, w), in pixels.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import mmcv
import numpy as np
from mmengine.registry import TRANSFORMS

from mmseg_plugins.config.loading_steps import is_known_step, loads_image, step_name
from mmseg_plugins.data_check.check_report import DatasetReport, spread
from mmseg_plugins.utils.rng import seeded

Size: TypeAlias = tuple[int, int]
Step: TypeAlias = Mapping[str, Any]

ORDINARY = (512, 512)
MOST_PIXELS = 2**25  # of an image that is tried: blank ones take memory, too
MOST_VARIANTS = 24  # of a pipeline
TRIED = 6  # sizes of a set beyond the thinnest ones
#: Steps that change no size, or need other images than the one: the first are left out, the second end the trial.
_COLORS = ('PhotoMetricDistortion', 'Normalize', 'RandomGaussianBlur', 'YOLOXHSVRandomAug', 'Corrupt', 'CLAHE',
           'AdjustGamma', 'RGB2Gray', 'Rerange', 'RandomGrayscale', 'SegRescale')  # fmt: skip
_MIXING = ('Mosaic', 'MixUp', 'CopyPaste', 'CachedMosaic', 'CachedMixUp', 'RandomMosaic', 'MultiBranch', 'InstaBoost')


@dataclass
class Outcome:
    """What the network gets of an image of one size.

    Attributes:
        sizes: what comes out, several where steps are random; empty where it is not known.
        problem: the step that cannot take the image, and what it would make of it; empty where all take it.
    """

    sizes: list[Size] = field(default_factory=list)
    problem: str = ''


def add_sizes(report: DatasetReport, split: str, dataset: Mapping[str, Any], *, whole: bool = True) -> None:
    """Add an error for images that the pipeline of a data set cannot take, and what it makes of others.

    Args:
        report: of the set; ``inputs[split]`` gets what the network is given.
        split: ``train``, ``val`` or ``test``.
        dataset: its config.
        whole: whether nothing follows the pipeline that changes sizes, as that of a wrapper.
    """
    rules = {} if dataset.get('test_mode') else dataset.get('filter_cfg') or {}
    smallest = rules.get('min_size', 0)
    known = report.kept_sizes or report.sizes
    sizes = {(h, w): name for (w, h), name in known.items() if min(h, w) >= smallest and h * w <= MOST_PIXELS}
    steps = [step for step in dataset.get('pipeline') or () if isinstance(step, Mapping)]
    if not sizes or not steps:
        return
    place = 'its pipeline' if split == report.name.split('[')[0] else f'the pipeline of {split}'
    thinnest = sorted(sizes, key=lambda size: max(size) / min(size), reverse=True)
    first = outcome(steps, thinnest[0])
    if first.problem:
        report.errors.append(_error(place, steps, sizes, thinnest, first.problem))
        return
    ends = [min(sizes, key=key) for key in (min, lambda size: size[0], lambda size: size[1])]
    chosen = dict.fromkeys([*ends, *(thinnest[i] for i in spread(len(thinnest), TRIED))])
    found = [first, *(outcome(steps, size) for size in chosen if size != thinnest[0])]
    wrong = next((one.problem for one in found if one.problem), '')
    if wrong:
        report.errors.append(_error(place, steps, sizes, thinnest, wrong))
    elif whole and all(one.sizes for one in found):
        report.inputs[split] = sorted({size for one in found for size in one.sizes})


def _error(place: str, steps: Sequence[Step], sizes: Mapping[Size, str], thinnest: Sequence[Size], text: str) -> str:
    wrong = [size for size in thinnest[:50] if outcome(steps, size).problem] or list(thinnest[:1])
    shown = ', '.join(f'{sizes[h, w]} ({w} x {h} px)' for h, w in wrong[:3])
    more = f' and {len(wrong) - 3} other sizes' if len(wrong) > 3 else ''
    return (f'{shown}{more}: {text} in {place}. Rule: each side keeps a pixel in every step. Fix: cut '
            'such images, pad them or leave them out, or set this step otherwise (a larger scale, keep_ratio=False).')


def size_problem(steps: Sequence[Step], size: Size) -> str:
    """Which step cannot take an image of this size, and what it would make of it; empty where all can."""
    return outcome(steps, size).problem if size[0] * size[1] <= MOST_PIXELS else ''


def outcome(steps: Sequence[Step], size: Size) -> Outcome:
    """Run a pipeline on a blank image."""
    found: list[Size | None] = []
    for variant in itertools.islice(variants(steps), MOST_VARIANTS):
        made, problem = _run(variant, size, steps)
        if problem and _run(variant, ORDINARY, steps)[0] is not None:
            return Outcome(problem=problem)
        found.append(made)
    known = [made for made in found if made is not None]
    if len(known) < len(found):
        return Outcome()
    if any(step_name(step) in ('RandomResize', 'RandomCrop') for step in _all_steps(steps)):
        known.append(_between(known))
    return Outcome(sizes=list(dict.fromkeys(known)))


def _between(sizes: Sequence[Size]) -> Size:
    """A size between those that random steps give at their ends: odd sides where they differ."""
    heights, widths = {h for h, _ in sizes}, {w for _, w in sizes}
    h, w = (min(sides) if len(sides) == 1 else min(max(sides), min(sides) | 1) for sides in (heights, widths))
    return h, w


def _all_steps(steps: Sequence[Any]) -> Iterator[Step]:
    for step in steps:
        if isinstance(step, Mapping):
            yield step
            inner = step.get('transforms') or ()
            yield from _all_steps([inner] if isinstance(inner, Mapping) else inner)
        elif isinstance(step, (list, tuple)):
            yield from _all_steps(step)


def variants(steps: Sequence[Step]) -> Iterator[list[Step]]:
    """A pipeline without chance: its random steps at the ends of what they draw, each choice taken."""
    for parts in itertools.product(*(_step_variants(step) for step in steps)):
        yield [step for part in parts for step in part]


def _step_variants(step: Step) -> list[list[Step]]:
    name = step_name(step)
    if name in ('RandomResize', 'RandomChoiceResize'):
        kept = {key: value for key, value in step.items()
                if key not in ('type', 'scale', 'scales', 'ratio_range', 'resize_type')}
        return [[dict(type=step.get('resize_type', 'Resize'), scale=scale, **kept)] for scale in _scales(step)]
    if name == 'RandomCrop' and step.get('crop_type') == 'relative_range':
        return [[{**step, 'crop_type': 'relative', 'crop_size': crop}] for crop in (step['crop_size'], (1.0, 1.0))]
    if name == 'RandomCrop' and step.get('crop_type') == 'absolute_range':
        return [[{**step, 'crop_type': 'absolute', 'crop_size': (side, side)}] for side in step['crop_size']]
    inner = step.get('transforms')
    if not inner or name not in ('RandomChoice', 'RandomApply', 'TestTimeAug'):
        return [[step]]
    lists = [list(one) if isinstance(one, (list, tuple)) else [one] for one in _listed(inner)]
    if name == 'RandomChoice':
        return [variant for one in lists for variant in variants(one)]
    if name == 'RandomApply':
        return [*([] if step.get('prob', 0.5) == 1 else [[]]), *variants([part for one in lists for part in one])]
    return [variant for choice in itertools.product(*([[part] for part in one] for one in lists))
            for variant in variants([part for one in choice for part in one])]


def _scales(step: Step) -> list[Any]:
    """The smallest and the largest scale of a ``RandomResize``, or all of a ``RandomChoiceResize``."""
    if step_name(step) == 'RandomChoiceResize':
        return list(dict.fromkeys(step['scales'] if isinstance(step['scales'], list) else [step['scales']]))
    scale, ratios = step['scale'], step.get('ratio_range')
    if isinstance(scale[0], (list, tuple)):
        return [tuple(pick(sides) for sides in zip(*scale, strict=True)) for pick in (min, max)]
    return [tuple(int(side * ratio) for side in scale) for ratio in ratios or (1.0, 1.0)]


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _run(variant: Sequence[Step], size: Size, steps: Sequence[Step]) -> tuple[Size | None, str]:
    """The size at the end, None where it is not known, and what stopped a step."""
    results: Any = None
    for step in variant:
        name = step_name(step)
        if loads_image(step) or name.startswith('Load') or name in _COLORS:
            continue
        if name.startswith('Pack'):
            break
        if name in _MIXING or not is_known_step(step):
            return None, ''
        results = _blank(size, steps) if results is None else results
        before = results['img'].shape[:2]
        try:
            with seeded(0):
                results = TRANSFORMS.build(dict(step))(results)
        except Exception as error:  # whatever it is, an image of ordinary size tells whether the size is the reason
            return None, _refusal(step, before, error)
        if results is None or 'img' not in results:
            return None, ''
        if 0 in results['img'].shape[:2]:
            return None, _refusal(step, before, None)
    return (size if results is None else tuple(results['img'].shape[:2])), ''


def _refusal(step: Step, size: Size, error: Exception | None) -> str:
    h, w = size
    shown = f'{step_name(step)}(scale={step["scale"]})' if 'scale' in step else step_name(step)
    pair = isinstance(step.get('scale'), tuple) and all(isinstance(side, int) for side in step['scale'])
    if pair and step.get('keep_ratio') and 'Resize' in step_name(step):
        width, height = mmcv.rescale_size((w, h), step['scale'])
        if 0 in (width, height):
            return f'{shown} would make {width} x {height} px of {w} x {h}'
    said = str(error).strip().split('\n')[0][:120] if error else 'nothing is left'
    return f'{shown} cannot take {w} x {h} px ({said})'


def _blank(size: Size, steps: Sequence[Step]) -> dict[str, Any]:
    """A black image as the loading steps give it, with one object that fills it where annotations are loaded."""
    h, w = size
    results: dict[str, Any] = dict(
        img=np.zeros((h, w, 3), np.uint8), img_shape=size, ori_shape=size, height=h, width=w, img_id=0, img_path='',
        seg_fields=[], reduce_zero_label=False)
    loading = [step for step in steps if step_name(step).startswith('Load') and 'Annotation' in step_name(step)]
    if not loading:
        return results
    masks = any(step.get('with_mask') or 'Panoptic' in step_name(step) for step in loading)
    if any('with_bbox' in step or 'with_mask' in step or 'Panoptic' in step_name(step) for step in loading):
        from mmdet.structures.bbox import HorizontalBoxes
        from mmdet.structures.mask import BitmapMasks

        results.update(gt_bboxes=HorizontalBoxes(np.array([[0, 0, w, h]], np.float32)),
                       gt_bboxes_labels=np.zeros(1, np.int64), gt_ignore_flags=np.zeros(1, bool))
        if masks:
            results['gt_masks'] = BitmapMasks(np.ones((1, h, w), np.uint8), h, w)
        return results
    return {**results, 'gt_seg_map': np.zeros(size, np.uint8), 'seg_fields': ['gt_seg_map']}

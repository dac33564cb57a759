"""Planners of the parts of a system that depend on the data: each is measured as set, fitted, and put into words.

A part looks for its keys in a model config, whatever the system is called, and gives nothing where there are none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from mmseg_plugins.planning import anchors, limits, mask_resolution, overlap, roi_levels, solo_grids
from mmseg_plugins.planning.objects import Objects

COCO_DETECTIONS = 100  # of an image and class that COCO's AP counts; mmdet's AP50 and AP75 count more
MOST_OBJECTS = 20000  # anchors are fitted to at most so many, evenly spaced

Model = Mapping[str, Any]


class Row(NamedTuple):
    """A line of the table: a measure, its value under the setting as it is, and under the fitted one."""

    measure: str
    now: str
    fitted: str = ''


class Entry(NamedTuple):
    """A fitted value: its variable's name in the fragment, the measure that led to it, and the keys that take it.

    Without a name the value is written at the keys themselves.
    """

    name: str
    value: Any
    reason: str
    keys: tuple[str, ...]


class Part(NamedTuple):
    """One part of one system, measured and fitted; ``plot`` holds arrays for the pictures."""

    title: str
    rows: list[Row]
    entries: list[Entry]
    plot: dict[str, Any]


def percent(value: float) -> str:
    """``0.1234`` -> ``'12.3 %'``; NaN, where there was nothing to count, as a dash."""
    return '-' if np.isnan(value) else f'{100 * value:.1f} %'


def _percents(values: Sequence[float] | np.ndarray) -> str:
    return ' / '.join('-' if np.isnan(value) else f'{100 * value:.0f}' for value in values) + ' %'


def _ranges(values: Sequence[Sequence[float]]) -> str:
    return ' '.join(f'{low:g}..{high:g}' for low, high in values)


def _get(node: Any, dotted: str, default: Any = None) -> Any:
    for key in dotted.split('.'):
        if not isinstance(node, Mapping) or node.get(key) is None:
            return default
        node = node[key]
    return node


def anchor_part(model: Model, objects: Objects) -> Part | None:
    """Anchors of an RPN or of a dense head: recall on the real grid, and the fewest scales that reach it."""
    head = next((name for name in ('rpn_head', 'bbox_head') if _has_scales(model, name)), None)
    if head is None:
        return None
    key = f'{head}.anchor_generator'
    generator = dict(_get(model, key))
    border = _get(model, 'train_cfg.rpn.allowed_border', _get(model, 'train_cfg.allowed_border', -1))
    some = objects.thinned(MOST_OBJECTS)
    now = anchors.best_ious(some, generator, border)
    fitted = anchors.fit_scales(some, generator, border)
    rows = [Row('anchor scales', _scales(generator), str(fitted.scales))]
    for threshold in (0.5, 0.7):
        shares = [percent(float((ious >= threshold).mean())) for ious in (now, fitted.ious)]
        rows.append(Row(f'objects with an anchor of IoU >= {threshold}', *shares))
    rows.append(Row('mean of the best IoU', *(f'{ious.mean():.3f}' for ious in (now, fitted.ious))))
    reason = f'Objects with an anchor of IoU >= 0.5: {rows[1].fitted}, before {rows[1].now} with {rows[0].now}'
    entries = [Entry('anchor_scales', fitted.scales, reason, (f'model.{key}.scales',))]
    entries += [
        Entry('', None, '', (f'model.{key}.{name}',)) for name in ('octave_base_scale', 'scales_per_octave')
        if generator.get(name) is not None
    ]
    return Part(f'anchors, strides {list(generator["strides"])}', rows, entries, dict(now=now, fitted=fitted.ious))


def _has_scales(model: Model, head: str) -> bool:
    """Whether a head's anchors are made of scales: not the points of RTMDet nor SSD's and YOLO's lists of sizes."""
    generator = _get(model, f'{head}.anchor_generator', {})
    return bool(generator.get('strides')) and any(generator.get(key) for key in ('scales', 'octave_base_scale'))


def _scales(generator: Mapping[str, Any]) -> str:
    if generator.get('scales') is not None:
        return str(list(generator['scales']))
    return f'{generator["octave_base_scale"]} in {generator["scales_per_octave"]} steps an octave'


def roi_part(model: Model, objects: Objects) -> Part | None:
    """RoI extractors that choose a level by size."""
    names = [
        name for name in ('bbox_roi_extractor', 'mask_roi_extractor')
        if len(_get(model, f'roi_head.{name}.featmap_strides', ())) > 1
        and ('finest_scale' in model['roi_head'][name]
             or str(model['roi_head'][name].get('type')).endswith('SingleRoIExtractor'))
    ]
    if not names:
        return None
    extractor = model['roi_head'][names[0]]
    strides = list(extractor['featmap_strides'])
    now = extractor.get('finest_scale', roi_levels.COCO_FINEST)
    fitted = roi_levels.fit_finest_scale(objects.sizes, len(strides))
    shares = [roi_levels.level_shares(objects.sizes, value, len(strides)) for value in (now, fitted)]
    rows = [
        Row('finest_scale', f'{now:g}', str(fitted)),
        Row(f'RoIs on strides {" / ".join(map(str, strides))}', *(_percents(values) for values in shares)),
    ]
    reason = f'{rows[1].measure}: {rows[1].fitted}, before {rows[1].now} with {now:g}'
    entry = Entry('finest_scale', fitted, reason, tuple(f'model.roi_head.{name}.finest_scale' for name in names))
    return Part('RoI levels', rows, [entry], dict(strides=strides, now=shares[0], fitted=shares[1]))


def solo_part(model: Model, objects: Objects) -> Part | None:
    """Ranges and grids of a SOLO head."""
    head = model.get('mask_head')
    if not isinstance(head, Mapping) or 'scale_ranges' not in head or 'num_grids' not in head:
        return None
    strides = list(head.get('strides', (8, 8, 16, 32, 32)))
    ranges = solo_grids.fit_ranges(objects.sizes, strides)
    grids = solo_grids.fit_grids(objects, ranges, strides)
    settings = [(head['scale_ranges'], head['num_grids']), (ranges, grids)]
    found = [solo_grids.grid_collisions(objects, *setting) for setting in settings]
    rows = [
        Row('scale_ranges (px)', *(_ranges(values) for values, _ in settings)),
        Row('num_grids', *(' / '.join(map(str, values)) for _, values in settings)),
        Row('objects on each level', *(_percents(one.level_objects / len(objects)) for one in found)),
        Row('share of a level in a cell with another', *(_percents(one.level_shares) for one in found)),
        Row('objects that share a cell on some level', *(percent(one.collides) for one in found)),
        Row('objects alone in a cell on no level', *(percent(one.lost) for one in found)),
        Row('objects whose size is in no range', *(percent(one.without_level) for one in found)),
    ]
    entries = [
        Entry('scale_ranges', ranges, f'Objects on each level: {rows[2].fitted}, before {rows[2].now}',
              ('model.mask_head.scale_ranges',)),
        Entry('num_grids', grids, f'Share of a level in a cell with another: {rows[3].fitted}, before {rows[3].now}',
              ('model.mask_head.num_grids',)),
    ]
    return Part(f'SOLO grids, strides {strides}', rows, entries, dict(settings=settings))


def solo_test_rows(part: Part, tested: Objects) -> list[Row]:
    """The same grids over the validation images, which are whole where training may see crops."""
    found = [solo_grids.grid_collisions(tested, *setting) for setting in part.plot['settings']]
    sides = np.median(tested.inputs, axis=0)
    return [
        Row(f'validation images (median {sides[1]:.0f} x {sides[0]:.0f}): share a cell on some level',
            *(percent(one.collides) for one in found)),
        Row('validation images: alone in a cell on no level', *(percent(one.lost) for one in found)),
    ]


class _Limit(NamedTuple):
    """A number that bounds what a system gives out: its key below model, what is counted, and the fitted value."""

    key: str
    counts: np.ndarray
    fitted: int


def limit_part(model: Model, objects: Objects) -> Part | None:
    """Detections, proposals and queries against the objects of an image; a limit is only ever raised."""
    final = limits.fit_limit(objects.whole_counts)
    rows, entries = [], []
    found = _limits(model, objects, final)
    if found and final > COCO_DETECTIONS:
        beyond = percent(limits.beyond(objects.whole_counts, COCO_DETECTIONS)[0])
        rows.append(Row(f'objects beyond {COCO_DETECTIONS} per image (COCO\'s AP counts so many per class)', beyond))
    for key, counts, wanted in found:
        now = int(_get(model, key))
        fitted = max(now, wanted)
        fullest = int(counts.max(initial=0))
        rows.append(Row(key, str(now), str(fitted)))
        if key.rsplit('.', 1)[-1] != 'nms_pre':
            rows.append(Row('objects beyond it', *(_missed(counts, value) for value in (now, fitted))))
        if fitted != now:
            name = key.removeprefix('test_cfg.').replace('.', '_').replace('train_cfg_', '')
            reason = f'Objects in the fullest image: {fullest}; before {now}'
            entries.append(Entry(name, fitted, reason, (f'model.{key}',)))
    return Part('limits', rows, entries, {}) if rows else None


def _missed(counts: np.ndarray, limit: int) -> str:
    lost, images = limits.beyond(counts, limit)
    return f'{percent(lost)} in {images} images'


def _limits(model: Model, objects: Objects, final: int) -> list[_Limit]:
    """Limits that the config has.  Proposals: room for twice the objects; SOLO's and RPN's nms_pre as many."""
    whole, inputs = objects.whole_counts, objects.counts
    proposals, per_input = limits.fit_limit(2 * whole), limits.fit_limit(2 * inputs)
    known = [
        _Limit('test_cfg.rcnn.max_per_img', whole, final),
        _Limit('test_cfg.max_per_img', whole, final),
        _Limit('test_cfg.max_per_image', whole, final),
        _Limit('panoptic_head.num_queries', whole, final),
        _Limit('rpn_head.num_proposals', whole, final),  # Sparse R-CNN, QueryInst: the detections are chosen from them
        _Limit('test_cfg.rpn.max_per_img', whole, proposals),
        _Limit('test_cfg.rpn.nms_pre', whole, proposals),
        _Limit('test_cfg.nms_pre', whole, proposals),
        _Limit('train_cfg.rpn_proposal.max_per_img', inputs, per_input),
        _Limit('train_cfg.rpn_proposal.nms_pre', inputs, per_input),
    ]
    return [limit for limit in known if isinstance(_get(model, limit.key), int)]


def overlap_part(model: Model, objects: Objects) -> Part:
    """Overlap of masks, and of boxes under the final NMS."""
    threshold = _get(model, 'test_cfg.rcnn.nms.iou_threshold', 0.5)
    found = overlap.overlap(objects, threshold)
    rows = [
        Row('object pixels under two objects or more', percent(found.pixels)),
        Row('objects that share a pixel', percent(found.objects)),
        Row(f'pairs of a class with box IoU > {threshold:g} (NMS removes one)', percent(found.nms_pairs)),
        Row('objects in such a pair', percent(found.nms_objects)),
    ]
    return Part('overlap', rows, [], {})


def mask_part(model: Model, objects: Objects) -> Part | None:
    """Best IoU of a mask that passes through M x M values."""
    if not objects.crops:
        return None
    own = _get(model, 'train_cfg.rcnn.mask_size')
    sizes = sorted({*mask_resolution.RESOLUTIONS, *([own] if isinstance(own, int) else [])})
    ious = mask_resolution.stored_ious(objects.crops, sizes)
    worst = np.quantile(ious, 0.05, axis=0)
    rows = [
        Row(f'mask IoU at best, {size} x {size}' + (' (set)' if size == own else ''),
            f'mean {mean:.3f}, 5 % below {low:.3f}')
        for size, mean, low in zip(sizes, ious.mean(axis=0), worst, strict=True)
    ]
    return Part('mask resolution', rows, [], dict(sizes=sizes, ious=ious))


#: Parts by name; those that a model lacks are taken from COCO's settings of the system named here.
PARTS: dict[str, tuple[Callable[[Model, Objects], Part | None], str]] = {
    'anchors': (anchor_part, 'mask-rcnn'),
    'rois': (roi_part, 'mask-rcnn'),
    'solo': (solo_part, 'solo'),
    'limits': (limit_part, 'mask-rcnn'),
    'overlap': (overlap_part, 'mask-rcnn'),
    'masks': (mask_part, 'mask-rcnn'),
}

"""What a COCO file says against itself: boxes against masks and images, files and objects that are there twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from mmseg_plugins.data_check.check_report import DatasetReport
from mmseg_plugins.structures.rle import as_rle, rle_box, short_polygons

Box = tuple[float, float, float, float]
_TOLERANCE = 2.0  # pixels by which boxes may differ, and reach beyond the image
_LEAST_IOU = 0.5


class _Pair(NamedTuple):
    """``bbox`` of an object, the box of its mask, and its image, as x y w h and (W, H)."""

    box: Box
    mask: Box | None
    size: tuple[int, int]


def check_content(
    report: DatasetReport, annotations: Iterable[Mapping[str, Any]], images: Mapping[Any, Mapping[str, Any]],
    masks: bool
) -> None:
    """Add findings about the annotations that mmdet loads; errors where they say so of most.

    Args:
        annotations: objects with sound boxes and masks.
        images: by id.
        masks: whether the masks are read.
    """
    pairs: list[_Pair] = []
    apart = twice = outside = 0
    seen: dict[Any, Any] = {}
    for ann in annotations:
        image = images[ann['image_id']]
        place = (image['file_name'], ann['image_id'], ann['id'])
        x, y, w, h = ann['bbox']
        pair = _Pair((x, y, w, h), mask_box(ann, image) if masks else None, (image['width'], image['height']))
        pairs.append(pair)
        key = (ann['image_id'], ann['category_id'], x, y, w, h)
        if key in seen and seen[key] == ann.get('segmentation'):
            twice += 1
            report.add('object_twice', *place, f'bbox {ann["bbox"]}')
        seen.setdefault(key, ann.get('segmentation'))
        beyond = _beyond(pair)
        outside += beyond > 0
        if pair.mask is not None and not agree(pair.box, pair.mask):
            apart += 1
            shown = [round(side, 1) for side in pair.mask]
            report.add('box_and_mask', *place, f'bbox {ann["bbox"]}, its mask lies in {shown}')
        elif beyond:
            report.add('box_beyond', *place, f'bbox {ann["bbox"]}, the image is {pair.size[0]} x {pair.size[1]}'
                                             f' ({beyond:g} pixels beyond)')
    report.errors += _systematic(pairs, apart, twice, outside)
    doubles = Counter(image['file_name'] for image in images.values())
    for image_id, image in images.items():
        if doubles[image['file_name']] > 1:
            report.add('file_twice', image['file_name'], image_id)


def mask_box(ann: Mapping[str, Any], image: Mapping[str, Any]) -> Box | None:
    """x y w h of a sound segmentation; None without one, or of a crowd."""
    mask = ann.get('segmentation')
    if not mask or ann.get('iscrowd'):
        return None
    if isinstance(mask, dict):
        x, y, w, h = rle_box(as_rle(mask, image['height'], image['width']))
        return x, y, w, h
    if len(mask) == 1:  # the usual case, without comprehensions
        part = mask[0]
        if len(part) < 6 or len(part) % 2:
            return None
        xs, ys = part[::2], part[1::2]
        x, y = min(xs), min(ys)
        return x, y, max(xs) - x, max(ys) - y
    short = set(short_polygons(mask))
    parts = [part for i, part in enumerate(mask) if i not in short]
    if not parts:
        return None
    x1, y1 = min(min(part[::2]) for part in parts), min(min(part[1::2]) for part in parts)
    x2, y2 = max(max(part[::2]) for part in parts), max(max(part[1::2]) for part in parts)
    return x1, y1, x2 - x1, y2 - y1


def agree(a: Box, b: Box) -> bool:
    """Whether two boxes are the same within 2 pixels, or overlap by half."""
    if (abs(a[0] - b[0]) <= _TOLERANCE and abs(a[1] - b[1]) <= _TOLERANCE
            and abs(a[2] - b[2]) <= _TOLERANCE and abs(a[3] - b[3]) <= _TOLERANCE):
        return True
    w = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    h = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    inter = max(w, 0) * max(h, 0)
    return inter >= _LEAST_IOU * (a[2] * a[3] + b[2] * b[3] - inter) > 0


def _beyond(pair: _Pair) -> float:
    """Pixels by which a box reaches beyond its image; 0 within the tolerance."""
    x, y, w, h = pair.box
    most = max(-x, -y, x + w - pair.size[0], y + h - pair.size[1])
    return most if most > _TOLERANCE else 0


def _systematic(pairs: Sequence[_Pair], apart: int, twice: int, outside: int) -> list[str]:
    """Errors where more than half of the objects are wrong in the same way.

    Args:
        pairs: of all objects.
        apart: how many have a mask elsewhere than their box.
        twice: how many repeat another.
        outside: how many boxes reach beyond their image.
    """
    errors = []
    masks = [pair for pair in pairs if pair.mask is not None]
    if apart * 2 > len(masks) > 0:
        errors.append(f'the box of {apart} of {len(masks)} masks is not their bbox (overlap below {_LEAST_IOU}). '
                      f'{_reading(masks)}Rule: bbox is [x, y, w, h] around the mask, both in pixels of the image. '
                      'Fix: export boxes and masks again.')
    if not masks and outside * 2 > len(pairs) > 0 and all(map(_as_corners_inside, pairs)):
        errors.append(f'{outside} of {len(pairs)} boxes reach beyond their image, and all fit it as '
                      '[x1, y1, x2, y2]. Rule: bbox is [x, y, w, h]. Fix: write x2 - x1 and y2 - y1.')
    if twice * 2 >= len(pairs) - twice > 0 and twice > 1:
        errors.append(f'{twice} of {len(pairs)} objects repeat another (image, category, box and mask are equal). '
                      'Rule: each object once. Fix: was the file merged with itself? Remove the repeated ones.')
    return errors


def _as_corners_inside(pair: _Pair) -> bool:
    x1, y1, x2, y2 = pair.box
    return 0 <= x1 < x2 <= pair.size[0] + 1 and 0 <= y1 < y2 <= pair.size[1] + 1


def _reading(pairs: Sequence[_Pair]) -> str:
    """How the numbers would agree: the likely mistake."""
    ways = {
        'bbox fits as [x1, y1, x2, y2]. ':
        [((b[0], b[1], b[2] - b[0], b[3] - b[1]), m) for b, m, _ in pairs if m],
        'The masks fit as fractions of the image. ':
        [(b, (m[0] * s[0], m[1] * s[1], m[2] * s[0], m[3] * s[1])) for b, m, s in pairs if m],
        'bbox fits as the center and the size of the box. ':
        [((b[0] - b[2] / 2, b[1] - b[3] / 2, b[2], b[3]), m) for b, m, _ in pairs if m],
        'bbox fits with x and y exchanged. ': [((b[1], b[0], b[3], b[2]), m) for b, m, _ in pairs if m],
    }
    for text, boxes in ways.items():
        if sum(agree(a, b) for a, b in boxes) * 10 >= len(boxes) * 9:
            return text
    return ''

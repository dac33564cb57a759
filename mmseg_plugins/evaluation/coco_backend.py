"""COCO evaluation by faster-coco-eval or pycocotools, with the same numbers from both.

Both libraries fill arrays precision (T, R, K, A, M) and recall (T, K, A, M)
over T IoU thresholds, R recall levels, K categories (sorted by id), A area
ranges and M detection limits; the averages are taken here, by one rule, since
the libraries' own summaries disagree when the limits are not (1, 10, 100).
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np

from mmseg_plugins.utils.errors import UserError

BACKENDS = ('faster-coco-eval', 'pycocotools')


def choose_backend(wanted: str, image_ids: Sequence[Any]) -> tuple[str, str | None]:
    """The backend to use, and why it is the slower one.

    Args:
        wanted: ``auto`` or one of :data:`BACKENDS`.
        image_ids: faster-coco-eval turns ids into integers from 0, so others need pycocotools.

    Raises:
        ImportError: faster-coco-eval is asked for by name and not installed.
        ValueError: unknown name.
    """
    if wanted not in ('auto', *BACKENDS):
        raise ValueError(f'backend must be one of {("auto", *BACKENDS)}, got {wanted!r}')
    if wanted == 'pycocotools':
        return wanted, None
    if find_spec('faster_coco_eval') is None:
        if wanted != 'auto':
            raise UserError('backend="faster-coco-eval" needs the package.', fix='pip install faster-coco-eval')
        return (
            'pycocotools',
            'faster-coco-eval is not installed (pip install faster-coco-eval makes it several times faster)',
        )
    if not all(isinstance(image_id, int) and image_id >= 0 for image_id in image_ids):
        return 'pycocotools', 'faster-coco-eval needs whole numbers from 0 as ids, this set has others'
    return 'faster-coco-eval', None


def prepare_ground_truth(content: dict[str, Any]) -> dict[str, Any]:
    """A COCO dictionary ready for evaluation: ``iscrowd`` present, no annotation id 0, no annotation without its image.

    Both libraries mark 'unmatched' by the id 0, so an annotation with that id
    would count as missed however well it is detected.  None is evaluated whose image is not listed.
    """
    images = {image['id'] for image in content['images']}
    annotations = [{'iscrowd': 0, **ann} for ann in content.get('annotations', ()) if ann['image_id'] in images]
    if any(ann['id'] == 0 for ann in annotations):
        for i, ann in enumerate(annotations, start=1):
            ann['id'] = i
    return {**content, 'annotations': annotations}


def build_api(content: dict[str, Any], backend: str) -> Any:
    """The backend's COCO object over a dictionary, with mmdet's snake-case names."""
    if backend == 'faster-coco-eval':
        from faster_coco_eval import COCO as FastCOCO

        return FastCOCO(content)
    from mmdet.datasets.api_wrappers import COCO

    api = COCO()
    api.dataset = content
    with contextlib.redirect_stdout(io.StringIO()):
        api.createIndex()
    api.img_ann_map, api.cat_img_map = api.imgToAnns, api.catToImgs
    return api


def only_categories(api: Any, category_ids: Sequence[int], backend: str) -> Any:
    """``api`` without the annotations of other categories; itself where there are none.

    Evaluation without categories (``useCats = 0``) takes every annotation, whatever ``catIds`` are asked for.
    """
    wanted = set(category_ids)
    content = api.dataset
    annotations = [ann for ann in content['annotations'] if ann['category_id'] in wanted]
    if len(annotations) == len(content['annotations']):
        return api
    return build_api({**content, 'annotations': annotations}, backend)


@dataclass(frozen=True)
class CocoArrays:
    """Result of one evaluation; -1 marks what has no ground truth.

    precision (T, R, K, A, M), recall (T, K, A, M), iou_thrs (T,),
    category_ids (K,) ascending, max_dets (M,) ascending; A is all, small,
    medium, large.
    """

    precision: np.ndarray
    recall: np.ndarray
    iou_thrs: np.ndarray
    category_ids: tuple[int, ...]
    max_dets: tuple[int, ...]

    def _iou_index(self, iou: float | None) -> Any:
        return slice(None) if iou is None else np.flatnonzero(np.isclose(self.iou_thrs, iou))

    def ap(
        self, iou: float | None = None, area: int = 0, category: int | None = None, limit: int | None = None
    ) -> float:
        """Average precision in [0, 1], or -1.

        Args:
            iou: one threshold; None averages over all.
            area: 0 all, 1 small (< 32**2 pixels), 2 medium (< 96**2), 3 large.
            category: position in ``category_ids``; None averages over all.
            limit: detections per image; the largest limit by default.
        """
        m = self.max_dets.index(limit) if limit is not None else -1
        values = self.precision[self._iou_index(iou), :, :, area, m]
        return _mean(values if category is None else values[:, :, category])

    def ar(self, area: int = 0, limit: int | None = None) -> float:
        """Average recall over thresholds and categories, in [0, 1], or -1."""
        m = self.max_dets.index(limit) if limit is not None else -1
        return _mean(self.recall[:, :, area, m])


def _mean(values: np.ndarray) -> float:
    valid = values[values > -1]
    return float(valid.mean()) if valid.size else -1.0


def _load_results(api: Any, predictions: list[dict[str, Any]], backend: str) -> Any:
    if predictions:
        with contextlib.redirect_stdout(io.StringIO()):
            return api.loadRes(predictions)
    # pycocotools cannot load an empty list; nothing detected is still a result.
    return build_api({**api.dataset, 'annotations': []}, backend)


def evaluate(
    api: Any,
    predictions: list[dict[str, Any]],
    backend: str,
    *,
    iou_type: str,
    category_ids: Sequence[int],
    image_ids: Sequence[Any],
    max_dets: Sequence[int],
    iou_thrs: np.ndarray,
    use_categories: bool = True,
) -> CocoArrays:
    """Compare predictions in COCO's result format with the ground truth of ``api``.

    Args:
        iou_type: ``bbox`` or ``segm``.
        use_categories: False compares objects whatever their category (proposals), those of categories that are not
            asked for included, as in mmdet; :func:`only_categories` leaves them out.
    """
    results = _load_results(api, predictions, backend)
    evaluator: Any
    if backend == 'faster-coco-eval':
        from faster_coco_eval import COCOeval_faster

        evaluator = COCOeval_faster(api, results, iou_type, print_function=_silent)
    else:
        from pycocotools.cocoeval import COCOeval

        evaluator = COCOeval(api, results, iou_type)
    params = evaluator.params
    # Without categories pycocotools takes all of them; faster-coco-eval only those listed.
    params.catIds = list(category_ids) if use_categories else [item['id'] for item in api.dataset['categories']]
    params.imgIds = list(image_ids)
    params.maxDets = sorted(max_dets)
    params.iouThrs = thresholds = np.atleast_1d(np.asarray(iou_thrs, dtype=float))
    params.useCats = int(use_categories)
    with contextlib.redirect_stdout(io.StringIO()):
        evaluator.evaluate()
        evaluator.accumulate()
    return CocoArrays(
        precision=np.asarray(evaluator.eval['precision']),
        recall=np.asarray(evaluator.eval['recall']),
        iou_thrs=thresholds,
        category_ids=tuple(sorted(category_ids)) if use_categories else (),
        max_dets=tuple(sorted(max_dets)),
    )


def _silent(*_: Any) -> None:
    return None


def class_table(arrays: CocoArrays, names: Mapping[int, str]) -> list[tuple[str, ...]]:
    """Rows (category, mAP, mAP_50, mAP_75, mAP_s, mAP_m, mAP_l) as text; nan where there is no ground truth."""

    def shown(value: float) -> str:
        return 'nan' if value < 0 else f'{value:.3f}'

    rows = []
    for k, category in enumerate(arrays.category_ids):
        values = [arrays.ap(category=k), arrays.ap(0.5, category=k), arrays.ap(0.75, category=k)]
        values += [arrays.ap(area=area, category=k) for area in (1, 2, 3)]
        rows.append((names[category], *map(shown, values)))
    return rows

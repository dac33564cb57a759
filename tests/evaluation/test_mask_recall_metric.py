"""MaskRecallMetric: pycocotools by hand, both backends, a transcription of recall, one class, limits, errors."""


import contextlib
import io
import json

import numpy as np
import pytest
import torch
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from test_coco_metric import CLASSES, make_set, run, write

from mmseg_plugins.evaluation.coco_metric import FastCocoMetric
from mmseg_plugins.evaluation.mask_recall_metric import MaskRecallMetric
from mmseg_plugins.structures.rle import encode_mask
from mmseg_plugins.utils.errors import UserError

LIMITS = (1, 3, 1000)


def by_pycocotools(path, samples, limits):
    """The library used directly: type segm, useCats = 0."""
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(path)
        found = []
        for item in samples:
            pred = item['pred_instances']
            for mask, score in zip(pred['masks'].numpy(), pred['scores'].tolist(), strict=True):
                found.append(dict(image_id=item['img_id'], category_id=truth.getCatIds()[0], score=score,
                                  segmentation=encode_mask(mask.astype(np.uint8))))
        evaluator = COCOeval(truth, truth.loadRes(found), 'segm')
        evaluator.params.useCats = 0
        evaluator.params.maxDets = list(limits)
        evaluator.evaluate()
        evaluator.accumulate()
    recall, precision = evaluator.eval['recall'], evaluator.eval['precision']
    values = {f'AR@{limit}': recall[:, 0, 0, m].mean() for m, limit in enumerate(limits)}
    areas = {f'AR_{name}@{limits[-1]}': recall[:, 0, a, -1].mean() for a, name in enumerate('sml', start=1)}
    return {**values, **areas, 'segm_mAP_50': precision[0, :, 0, 0, -1].mean()}


@pytest.mark.parametrize('seed', [0, 1, 2])
@pytest.mark.parametrize('backend', ['faster-coco-eval', 'pycocotools'])
def test_equals_pycocotools_used_directly(tmp_path, seed, backend):
    content, samples = make_set(seed)
    path = write(tmp_path, content)
    ours = run(MaskRecallMetric(path, proposal_nums=LIMITS, ap_limit=1000, backend=backend), samples)
    for name, value in by_pycocotools(path, samples, LIMITS).items():
        assert ours[name] == pytest.approx(value, abs=6e-4), name
    assert 0.04 < ours['AR@1'] < ours['AR@3'] <= ours['AR@1000']


def test_classes_do_not_matter(tmp_path):
    content, samples = make_set(3)
    path = write(tmp_path, content)
    plain = run(MaskRecallMetric(path, metric=['segm', 'bbox']), samples)
    for item in samples:
        item['pred_instances']['labels'] = torch.zeros_like(item['pred_instances']['labels'])
    assert run(MaskRecallMetric(path, metric=['segm', 'bbox']), samples) == plain
    assert run(FastCocoMetric(path, metric='segm'), samples)['segm_mAP'] < plain['segm_mAP']


def test_with_one_class_precision_is_that_of_the_usual_metric(tmp_path):
    content, samples = make_set(4, category_ids=(1, 2, 3))
    for ann in content['annotations']:
        ann['category_id'] = 1
    content['categories'] = content['categories'][:1]
    for item in samples:
        item['pred_instances']['labels'] *= 0
    path = write(tmp_path, content)
    usual = run(FastCocoMetric(path, metric=['bbox', 'segm']), samples, CLASSES[:1])
    ours = run(MaskRecallMetric(path, metric=['bbox', 'segm']), samples, CLASSES[:1])
    assert {key: ours[key] for key in usual} == usual


@pytest.mark.parametrize('backend', ['faster-coco-eval', 'pycocotools'])
@pytest.mark.parametrize('chosen', [('cat', ), ('dog', ), ('dog', 'cat')])
def test_objects_of_categories_that_are_not_evaluated_do_not_count(tmp_path, backend, chosen):
    """As if the other categories were not in the file; with one class equal to the usual metric."""
    content, samples = make_set(5)
    labels = [label for label, item in enumerate(content['categories']) if item['name'] in chosen]
    ids = [content['categories'][label]['id'] for label in labels]
    for item in samples:
        pred = item['pred_instances']
        kept = torch.isin(pred['labels'], torch.tensor(labels))
        item['pred_instances'] = {key: value[kept] for key, value in pred.items()}
        item['pred_instances']['labels'] -= labels[0]
    options = dict(metric=['bbox', 'segm'], backend=backend)
    ours = run(MaskRecallMetric(write(tmp_path, content), **options), samples, chosen)
    alone = dict(content, annotations=[ann for ann in content['annotations'] if ann['category_id'] in ids])
    assert run(MaskRecallMetric(write(tmp_path, alone, 'alone.json'), **options), samples, chosen) == ours
    assert ours['AR@1000'] > 0
    if len(chosen) == 1:
        usual = run(FastCocoMetric(write(tmp_path, content), **options), samples, chosen)
        assert {key: ours[key] for key in usual} == usual


def test_recall_of_a_known_case(tmp_path):
    """Two objects: one found exactly by the second-best proposal, one by a mask of IoU 0.68."""
    masks = np.zeros((3, 20, 20), np.uint8)
    masks[0, :10, :10] = 1
    masks[1, 10:, 10:] = 1
    masks[2, 10:, 10:17] = masks[2, 10:18, 17:18] = 1
    masks[2, 18:, 10:] = 0
    masks[2, 10:18, 10:18] = 1
    masks[2, 18:, 10:12] = 1
    content = {
        'images': [{'id': 1, 'file_name': 'a', 'height': 20, 'width': 20}],
        'categories': [{'id': 1, 'name': 'cat'}],
        'annotations': [{'id': i + 1, 'image_id': 1, 'category_id': 1, 'bbox': [0, 0, 5, 5], 'area': 100.0,
                         'iscrowd': 0, 'segmentation': encode_mask(masks[i])} for i in range(2)],
    }
    samples = [{'img_id': 1, 'ori_shape': (20, 20), 'pred_instances': {
        'bboxes': torch.zeros(2, 4), 'scores': torch.tensor([0.9, 0.8]), 'labels': torch.zeros(2).long(),
        'masks': torch.from_numpy(masks[[2, 0]].astype(bool))}}]
    values = run(MaskRecallMetric(write(tmp_path, content), proposal_nums=(1, 2)), samples, ('cat', ))
    iou = masks[2].sum() / 100
    assert iou == 0.68
    assert values['AR@1'] == pytest.approx(0.5 * 0.4)  # thresholds .5, .55, .6, .65
    assert values['AR@2'] == pytest.approx(0.5 * 0.4 + 0.5)


def test_nothing_detected_is_zero_recall(tmp_path):
    content, samples = make_set(0)
    for item in samples:
        item['pred_instances'] = {key: value[:0] for key, value in item['pred_instances'].items()}
    values = run(MaskRecallMetric(write(tmp_path, content)), samples)
    assert values['AR@1000'] == values['segm_mAP'] == 0


def test_truth_may_come_with_the_samples(tmp_path):
    content, samples = make_set(1, images=4)
    path = write(tmp_path, content)
    by_image = {image['id']: [] for image in content['images']}
    for ann in json.loads((tmp_path / 'truth.json').read_text())['annotations']:
        x, y, w, h = ann['bbox']
        by_image[ann['image_id']].append(dict(bbox=[x, y, x + w, y + h], bbox_label=(3, 7, 9).index(ann['category_id']),
                                              mask=ann['segmentation'], ignore_flag=ann['iscrowd']))
    from_file = run(MaskRecallMetric(path), samples)
    for item in samples:
        item['instances'] = by_image[item['img_id']]
    assert run(MaskRecallMetric(), samples)['AR@100'] == pytest.approx(from_file['AR@100'], abs=0.05)


def test_masks_are_needed_and_unknown_metrics_refused(tmp_path):
    content, samples = make_set(0)
    for item in samples:
        item['pred_instances'].pop('masks')
    with pytest.raises(UserError, match='mask recall needs masks'):
        run(MaskRecallMetric(write(tmp_path, content)), samples)
    with pytest.raises(ValueError, match='proposal'):
        MaskRecallMetric(metric='proposal')


@pytest.mark.parametrize('option', [dict(classwise=True), dict(metric_items=['mAP'])])
def test_options_without_a_meaning_here_are_refused(option):
    with pytest.raises(ValueError, match=f'MaskRecallMetric: {next(iter(option))}=.* FastCocoMetric'):
        MaskRecallMetric(**option)
    MaskRecallMetric(**dict.fromkeys(option))

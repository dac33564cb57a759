"""mAP^r against a transcription of the original's evaluation, on cases worked out by hand, and its error messages."""


import json

import numpy as np
import pytest
import torch
from mmdet.structures.mask import BitmapMasks, PolygonMasks
from pycocotools import mask as coco_mask

from mmseg_plugins.evaluation import InstanceVOCMetric
from mmseg_plugins.evaluation.voc_ap import FALSE, IGNORED, TRUE, average_precision, match_image, precision_recall
from mmseg_plugins.registry import METRICS
from mmseg_plugins.utils.errors import UserError

SIZE = 48
CLASSES = ('cat', 'dog', 'bird')


def rectangles(boxes):
    masks = np.zeros((len(boxes), SIZE, SIZE), bool)
    for mask, (x1, y1, x2, y2) in zip(masks, np.round(np.reshape(boxes, (-1, 4))).astype(int), strict=True):
        mask[y1:y2, x1:x2] = True
    return masks


def random_image(rng):
    """True and predicted masks and labels, scores; some predictions near objects, some doubled, some nowhere."""
    count = rng.integers(0, 5)
    corners = rng.uniform(0, SIZE - 12, (count, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(6, 20, (count, 2))], 1).clip(0, SIZE)
    labels = rng.integers(0, 2, count)
    near = np.repeat(np.arange(count), rng.integers(0, 4, count))
    guesses = (boxes[near] + rng.normal(0, 1.5, (len(near), 4))).clip(0, SIZE)
    wild = np.tile([5.0, 5, 20, 20], (rng.integers(0, 3), 1))
    guess_labels = np.where(rng.random(len(near)) < 0.85, labels[near], 1 - labels[near])
    return dict(
        masks=rectangles(boxes), labels=labels, pred_masks=rectangles(np.concatenate([guesses, wild])),
        pred_labels=np.concatenate([guess_labels, rng.integers(0, 3, len(wild))]).astype(int),
        scores=np.round(rng.random(len(near) + len(wild)), 3))


def sample(image, img_id=0, truth='bitmaps'):
    made = {
        'img_id': img_id,
        'ori_shape': (SIZE, SIZE),
        'pred_instances': dict(
            masks=torch.from_numpy(image['pred_masks']), labels=torch.from_numpy(image['pred_labels']),
            scores=torch.from_numpy(image['scores'].astype(np.float32)))}
    flags = image.get('ignored', np.zeros(len(image['labels']), bool))
    if truth == 'bitmaps':
        for name, chosen in (('gt_instances', ~flags), ('ignored_instances', flags)):
            masks = BitmapMasks(image['masks'][chosen].astype(np.uint8), SIZE, SIZE)
            made[name] = dict(masks=masks, labels=torch.from_numpy(image['labels'][chosen]))
    elif truth == 'instances':
        made['instances'] = [
            dict(mask=rle(mask), bbox_label=int(label), ignore_flag=int(flag))
            for mask, label, flag in zip(image['masks'], image['labels'], flags, strict=True)]
    return made


def rle(mask):
    code = coco_mask.encode(np.asfortranarray(mask, np.uint8))
    return {'size': list(code['size']), 'counts': code['counts'].decode()}


def evaluate(images, truth='bitmaps', metric=None, **options):
    metric = metric or InstanceVOCMetric(**options)
    metric.dataset_meta = {'classes': CLASSES}
    for i, image in enumerate(images):
        metric.process(None, [sample(image, i, truth)])
    return metric.evaluate(len(images))


def slow_ap(images, label, threshold, mode):
    """voc_eval_sds of msracver/FCIS, one detection after the other."""
    detections = [(image['scores'][n], i, n) for i, image in enumerate(images)
                  for n in range(len(image['scores'])) if image['pred_labels'][n] == label]
    taken, right, wrong = set(), [], []
    for _, i, n in sorted(detections, key=lambda item: (-item[0], item[1], item[2])):
        best, found = -1.0, None
        for g in range(len(images[i]['labels'])):
            if images[i]['labels'][g] == label:
                a, b = images[i]['masks'][g], images[i]['pred_masks'][n]
                iou = (a & b).sum() / max((a | b).sum(), 1)
                if iou > best:
                    best, found = iou, (i, g)
        hit = best >= threshold and found not in taken
        taken |= {found} if hit else set()
        right.append(hit)
        wrong.append(not hit)
    objects = sum((image['labels'] == label).sum() for image in images)
    recall = np.cumsum(right) / objects
    precision = np.cumsum(right) / (np.cumsum(right) + np.cumsum(wrong))
    if mode == '11points':
        return sum(max([p for r, p in zip(recall, precision, strict=True) if r >= t], default=0)
                   for t in np.arange(0, 1.1, 0.1)) / 11
    area, last = 0.0, 0.0
    for k in range(len(recall)):
        area += (recall[k] - last) * max(precision[k:])
        last = recall[k]
    return area


@pytest.mark.parametrize('mode', ['11points', 'area'])
@pytest.mark.parametrize('seed', range(4))
def test_agrees_with_the_slow_transcription(mode, seed):
    rng = np.random.default_rng(seed)
    images = [random_image(rng) for _ in range(30)]
    values = evaluate(images, mode=mode, iou_thrs=(0.5, 0.7, 0.55))
    assert list(values) == ['sds/mAPr_50', 'sds/mAPr_70', 'sds/mAPr_55']
    for threshold, value in zip((0.5, 0.7, 0.55), values.values(), strict=True):
        wanted = np.mean([slow_ap(images, label, threshold, mode) for label in (0, 1)])  # no bird is in the truth
        assert value == pytest.approx(wanted, abs=1e-12)
        assert 0.1 < value < 0.95


def one_class(**parts):
    image = dict(masks=rectangles([[0, 0, 10, 10], [20, 20, 30, 30]]), labels=np.array([0, 0]))
    pred = np.array([[0, 0, 10, 10], [0, 0, 10, 9], [20, 20, 30, 26]], float)
    return {**image, 'pred_masks': rectangles(pred), 'pred_labels': np.zeros(3, int),
            'scores': np.array([0.9, 0.8, 0.7]), **parts}


def test_a_second_detection_of_an_object_is_wrong():
    """Right, double, right (IoU .6): precision 1, 1/2, 2/3 at recall .5, .5, 1."""
    assert evaluate([one_class()], iou_thrs=0.5)['sds/mAPr_50'] == pytest.approx((6 * 1 + 5 * 2 / 3) / 11)
    assert evaluate([one_class()], iou_thrs=0.5, mode='area')['sds/mAPr_50'] == pytest.approx(0.5 + 0.5 * 2 / 3)
    assert evaluate([one_class()], iou_thrs=0.6)['sds/mAPr_60'] == pytest.approx((6 + 5 * 2 / 3) / 11)
    assert evaluate([one_class()], iou_thrs=0.7)['sds/mAPr_70'] == pytest.approx(6 / 11)


def test_detections_of_ignored_objects_are_neither_right_nor_wrong():
    """The first object is ignored: its two detections vanish, the third one finds the only object."""
    values = evaluate([one_class(ignored=np.array([True, False]))], iou_thrs=0.5)
    assert values['sds/mAPr_50'] == pytest.approx(1)


def test_mean_is_over_classes_with_an_object():
    other = one_class(labels=np.array([1, 1]), pred_labels=np.array([1, 2, 1]))
    values = evaluate([one_class(), other], iou_thrs=0.5)
    # cat as above; dog: both found; bird: a wrong detection and no object, not part of the mean
    assert values['sds/mAPr_50'] == pytest.approx(((6 + 5 * 2 / 3) / 11 + 1) / 2)


def test_nothing_detected_is_zero_and_nothing_to_detect_is_nan():
    nothing = dict(pred_masks=rectangles([]), pred_labels=np.zeros(0, int), scores=np.zeros(0))
    assert evaluate([one_class(**nothing)])['sds/mAPr_70'] == 0
    assert np.isnan(evaluate([one_class(masks=rectangles([]), labels=np.zeros(0, int))])['sds/mAPr_50'])


def test_recall_steps_are_the_originals():
    """6 * .1 is a little more than .6: a recall of 3 of 5 reaches six steps (0 .. .5), not seven."""
    curve = precision_recall(np.array([0.9, 0.8, 0.7]), np.array([TRUE] * 3), 5)
    assert average_precision(curve) == pytest.approx(6 / 11)


def test_matching_by_hand():
    iou = np.array([[0.6, 0.55], [0.7, 0.0], [0.5, 0.5]])
    verdicts = match_image(iou, np.array([0.3, 0.9, 0.2]), np.array([False, False]), np.array([0.5, 0.65]))
    # the best takes object 0; the next one prefers it too, although object 1 is free; so does the last
    assert verdicts.tolist() == [[FALSE, TRUE, FALSE], [FALSE, TRUE, FALSE]]
    assert match_image(iou, np.ones(3), np.array([True, False]), np.array([0.65])).tolist() == [[FALSE, IGNORED, FALSE]]
    assert match_image(np.zeros((2, 0)), np.ones(2), np.zeros(0, bool), np.array([0.5])).tolist() == [[FALSE, FALSE]]


def coco_json(images, path, **changes):
    annotations = [
        {'id': 1000 * i + g, 'image_id': i, 'category_id': 7 + 2 * int(label), 'segmentation': rle(mask), 'iscrowd': 0}
        for i, image in enumerate(images)
        for g, (mask, label) in enumerate(zip(image['masks'], image['labels'], strict=True))]
    for ann, flag in zip(annotations, (f for image in images for f in image.get('ignored', ())), strict=False):
        ann['iscrowd'] = int(flag)
    categories = [{'id': 11, 'name': 'bird'}, {'id': 7, 'name': 'cat'}, {'id': 9, 'name': 'dog'}]
    entries = [{'id': i} for i in range(len(images))]
    content = {'images': entries, 'annotations': annotations, 'categories': categories, **changes}
    path.write_text(json.dumps(content))
    return str(path)


def test_truth_may_come_from_a_json_from_instances_or_from_gt_instances(tmp_path):
    rng = np.random.default_rng(9)
    images = [random_image(rng) for _ in range(20)]
    for image in images:
        image['ignored'] = rng.random(len(image['labels'])) < 0.3
    values = evaluate(images)
    assert evaluate(images, truth='instances') == values
    assert evaluate(images, truth=None, ann_file=coco_json(images, tmp_path / 'truth.json')) == values
    assert 0 < values['sds/mAPr_70'] < values['sds/mAPr_50']


def test_polygons_of_json_and_of_mmdet_are_rasterised(tmp_path):
    square = [[0, 0, 10, 0, 10, 10, 0, 10]]
    image = one_class(masks=rectangles([[0, 0, 10, 10]]), labels=np.array([0]))
    ann = {'id': 1, 'image_id': 0, 'category_id': 7, 'segmentation': square}
    path = coco_json([one_class()], tmp_path / 'a.json', annotations=[ann])
    assert evaluate([image], truth=None, ann_file=path, iou_thrs=0.5)['sds/mAPr_50'] == 1
    metric = InstanceVOCMetric(0.5)
    metric.dataset_meta = {'classes': CLASSES}
    polygons = PolygonMasks([[np.array(square[0], float)]], SIZE, SIZE)
    truth = dict(gt_instances=dict(masks=polygons, labels=torch.tensor([0])))
    metric.process(None, [{**sample(image, truth=None), **truth}])
    assert metric.evaluate(1)['sds/mAPr_50'] == 1


def test_encoded_predictions_mask_scores_and_broken_scores_are_read():
    image = one_class(scores=np.array([0.1, 0.2, np.nan]))
    made = sample(image)
    made['pred_instances']['masks'] = [rle(mask) for mask in image['pred_masks']]
    metric = InstanceVOCMetric(0.5, classwise=False)
    metric.dataset_meta = {'classes': CLASSES}
    metric.process(None, [made])
    made['pred_instances'].update(mask_scores=torch.tensor([0.9, 0.1, 0.2]))
    metric.process(None, [made])
    assert [result['broken'] for result in metric.results] == [1, 0]
    assert [result['scores'].tolist() for result in metric.results] == [
        pytest.approx([0.1, 0.2]), pytest.approx([0.9, 0.1, 0.2])]
    assert metric.evaluate(2)['sds/mAPr_50'] > 0


def test_table_lists_every_class(monkeypatch):
    import mmseg_plugins.evaluation.instance_voc_metric as module
    printed = []
    monkeypatch.setattr(module, 'print_log', lambda text, **_: printed.append(text))
    evaluate([one_class()])
    assert len(printed) == 1
    (row,) = [line for line in printed[0].splitlines() if line.startswith('| cat')]
    assert [cell.strip() for cell in row.strip('|').split('|')] == ['cat', '2', '3', '2', '1', '0.848', '0.545']
    assert '| bird' in printed[0]


def wrong(change, tmp_path):
    options, made = {}, sample(one_class())
    if change == 'no masks':
        del made['pred_instances']['masks']
    elif change == 'no truth':
        del made['gt_instances']
    elif change == 'label':
        made['pred_instances']['labels'][0] = 3
    elif change == 'size':
        made['gt_instances']['masks'] = BitmapMasks(np.zeros((2, 9, 9), np.uint8), 9, 9)
    elif change == 'classes':
        options['ann_file'] = coco_json([one_class()], tmp_path / 'a.json', categories=[{'id': 1, 'name': 'Cat'}])
    elif change == 'rle':
        ann = {'id': 1, 'image_id': 0, 'category_id': 7, 'segmentation': {'size': [SIZE, SIZE], 'counts': [3]}}
        options['ann_file'] = coco_json([one_class()], tmp_path / 'a.json', annotations=[ann])
    elif change == 'image':
        options['ann_file'] = coco_json([one_class()], tmp_path / 'a.json')
        made['img_id'] = '0'
    elif change == 'no images':
        options['ann_file'] = coco_json([], tmp_path / 'a.json')
    return options, made


@pytest.mark.parametrize(('change', 'text'), [
    ('no masks', 'mAP.r compares masks, the predictions have none'),
    ('no truth', r'no ground truth to compare with.*LoadAnnotations\(with_bbox=True, with_mask=True\)'),
    ('label', 'predicts label 3, but the data has the 3 classes'),
    ('size', r'image 0 have the sizes \[height, width\] \[\(9, 9\), \(48, 48\)\].*after Resize'),
    ('classes', r"no category of the evaluation JSON: 'cat' \(did you mean 'Cat'\?\)"),
    ('rle', 'a true mask of image 0: the runs sum to 3'),
    ('image', "image '0' is none of the 1 images of the evaluation JSON, such as 0.*Fix"),
    ('no images', 'image 0 is none of the 0 images of the evaluation JSON.*Fix'),
])
def test_what_does_not_fit_is_named(change, text, tmp_path):
    options, made = wrong(change, tmp_path)
    metric = METRICS.build(dict(type='mmseg_plugins.InstanceVOCMetric', **options))
    metric.dataset_meta = {'classes': CLASSES}
    with pytest.raises(UserError, match=text):
        metric.process(None, [made])


def test_an_image_of_the_json_without_objects_is_no_mistake(tmp_path):
    empty = dict(one_class(), masks=rectangles([]), labels=np.zeros(0, int))
    file = coco_json([one_class(), empty], tmp_path / 'a.json')
    both, alone = evaluate([one_class(), empty], truth=None, ann_file=file), evaluate([one_class()])
    assert 0 < both['sds/mAPr_50'] < alone['sds/mAPr_50']  # its detections are wrong ones


def test_no_image_at_all_is_named():
    metric = InstanceVOCMetric()
    metric.dataset_meta = {'classes': CLASSES}
    with pytest.raises(UserError, match=r'no image was judged.*Fix'):
        metric.compute_metrics([])


@pytest.mark.parametrize('options', [dict(iou_thrs=()), dict(iou_thrs=0), dict(iou_thrs=(0.5, 1.5)), dict(mode='coco')])
def test_wrong_options_are_refused(options):
    with pytest.raises(ValueError, match='must be one'):
        InstanceVOCMetric(**options)

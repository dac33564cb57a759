"""FastCocoMetric: both backends and the host agree; wrong input gets a clear error."""


import json

import numpy as np
import pytest
import torch
from mmdet.evaluation import CocoMetric
from pycocotools import mask as coco_mask

from mmseg_plugins.evaluation import coco_backend
from mmseg_plugins.evaluation.coco_metric import FastCocoMetric
from mmseg_plugins.registry import METRICS
from mmseg_plugins.structures.rle import encode_mask
from mmseg_plugins.utils.errors import UserError

SIZE = 160
CLASSES = ('cat', 'dog', 'bird')


def rectangle(box):
    mask = np.zeros((SIZE, SIZE), np.uint8)
    x1, y1, x2, y2 = np.round(box).astype(int)
    mask[y1:y2, x1:x2] = 1
    return mask


def random_box(rng):
    w, h = np.exp(rng.uniform(np.log(6), np.log(130), 2))
    x, y = rng.uniform(0, SIZE - w), rng.uniform(0, SIZE - h)
    return np.round([x, y, x + w, y + h])


def make_set(seed=0, images=25, category_ids=(3, 7, 9)):
    """Ground truth with crowds, empty images and all area ranges, and detections near and far from it."""
    rng = np.random.default_rng(seed)
    content = {
        'images': [{'id': i + 1, 'file_name': f'{i}.jpg', 'height': SIZE, 'width': SIZE} for i in range(images)],
        'annotations': [],
        'categories': [{'id': i, 'name': name} for i, name in zip(category_ids, CLASSES, strict=True)],
    }
    samples = []
    for image in content['images']:
        boxes, labels, scores = [], [], []
        for _ in range(int(rng.integers(0, 7))):
            box, label = random_box(rng), int(rng.integers(3))
            mask = rectangle(box)
            content['annotations'].append(
                {
                    'id': len(content['annotations']) + 1,
                    'image_id': image['id'],
                    'category_id': category_ids[label],
                    'bbox': [*box[:2].tolist(), *(box[2:] - box[:2]).tolist()],
                    'area': float(mask.sum()),
                    'iscrowd': int(rng.random() < 0.15),
                    'segmentation': encode_mask(mask),
                }
            )
            for _ in range(int(rng.integers(0, 3))):
                near = np.clip(box + rng.normal(0, 4, 4), 0, SIZE)
                if (near[2:] - near[:2]).min() >= 2:
                    boxes.append(near)
                    labels.append(label if rng.random() < 0.9 else int(rng.integers(3)))
                    scores.append(rng.random())
        for _ in range(int(rng.integers(0, 4))):
            boxes.append(random_box(rng))
            labels.append(int(rng.integers(3)))
            scores.append(rng.random())
        samples.append(sample(image['id'], boxes, labels, scores))
    return content, samples


def sample(image_id, boxes, labels, scores):
    masks = np.array([rectangle(box) for box in boxes], bool).reshape(-1, SIZE, SIZE)
    return {
        'img_id': image_id,
        'ori_shape': (SIZE, SIZE),
        'pred_instances': {
            'bboxes': torch.tensor(np.array(boxes, np.float32).reshape(-1, 4)),
            'scores': torch.tensor(np.array(scores, np.float32)),
            'labels': torch.tensor(np.array(labels, np.int64)),
            'masks': torch.tensor(masks),
        },
    }


def write(tmp_path, content, name='truth.json'):
    path = tmp_path / name
    path.write_text(json.dumps(content))
    return str(path)


def run(metric, samples, classes=CLASSES):
    metric.dataset_meta = {'classes': classes}
    for item in samples:
        metric.process({}, [item])
    return metric.compute_metrics(metric.results)


@pytest.mark.parametrize('seed', [0, 1, 2])
@pytest.mark.parametrize('metric', ['bbox', 'segm', 'proposal'])
def test_both_backends_and_the_host_give_equal_numbers(tmp_path, seed, metric):
    content, samples = make_set(seed)
    path = write(tmp_path, content)
    options = {'ann_file': path, 'metric': metric, 'classwise': True}
    fast = run(FastCocoMetric(backend='faster-coco-eval', **options), samples)
    slow = run(FastCocoMetric(backend='pycocotools', **options), samples)
    host = run(CocoMetric(**options), samples)
    assert fast == slow
    assert list(fast) == list(host)
    # The host rounds classwise numbers itself; NaN (no ground truth) must be NaN in both.
    np.testing.assert_allclose(list(fast.values()), list(host.values()), atol=1e-9)
    assert max(fast.values()) > 0.1


def test_unrounded_arrays_of_both_backends_are_equal(tmp_path):
    content, samples = make_set(5, images=40)
    arrays = {}
    for backend in coco_backend.BACKENDS:
        metric = FastCocoMetric(ann_file=write(tmp_path, content), metric=['segm'], backend=backend)
        original = metric._values
        metric._values = lambda name, found, b=backend, f=original: arrays.setdefault(b, found) and f(name, found)
        run(metric, samples)
    fast, slow = arrays['faster-coco-eval'], arrays['pycocotools']
    np.testing.assert_allclose(fast.precision, slow.precision, atol=1e-12)
    np.testing.assert_allclose(fast.recall, slow.recall, atol=1e-12)


def test_limits_below_one_hundred_count_for_every_number(tmp_path):
    content, samples = make_set(1)
    options = {'ann_file': write(tmp_path, content), 'metric': 'bbox', 'proposal_nums': (1, 2)}
    fast = run(FastCocoMetric(backend='faster-coco-eval', **options), samples)
    slow = run(FastCocoMetric(backend='pycocotools', **options), samples)
    assert fast == slow
    full = run(FastCocoMetric(options['ann_file']), samples)
    assert 0 < fast['bbox_mAP_50'] < full['bbox_mAP_50']


def test_single_threshold_and_chosen_items(tmp_path):
    content, samples = make_set()
    metric = FastCocoMetric(write(tmp_path, content), metric='bbox', iou_thrs=[0.5], metric_items=['mAP_50', 'AR@100'])
    values = run(metric, samples)
    assert list(values) == ['bbox_mAP_50', 'bbox_AR@100']
    assert values['bbox_mAP_50'] == run(CocoMetric(write(tmp_path, content), metric='bbox'), samples)['bbox_mAP_50']


def test_evaluating_twice_gives_the_same(tmp_path):
    content, samples = make_set()
    metric = FastCocoMetric(write(tmp_path, content), metric=['bbox', 'segm'])
    first = run(metric, samples)
    metric.results.clear()
    assert run(metric, samples) == first


def test_names_follow_their_numbers_when_category_ids_are_not_ascending(tmp_path):
    content, samples = make_set(category_ids=(9, 3, 7))
    ascending, _ = make_set(category_ids=(3, 7, 9))
    mixed = run(FastCocoMetric(write(tmp_path, content), metric='bbox', classwise=True), samples)
    plain = run(FastCocoMetric(write(tmp_path, ascending, 'b.json'), metric='bbox', classwise=True), samples)
    assert mixed == plain
    assert len({mixed[f'{name}_precision'] for name in CLASSES}) == 3


@pytest.mark.parametrize('backend', coco_backend.BACKENDS)
def test_annotation_id_zero_counts_like_any_other(tmp_path, backend):
    """One object with id 0, found perfectly: the libraries alone would call it missed."""
    content, _ = make_set()
    mask = rectangle([10, 10, 60, 60])
    box = {'bbox': [10, 10, 50, 50], 'area': 2500, 'segmentation': encode_mask(mask), 'iscrowd': 0}
    content['annotations'] = [{'id': 0, 'image_id': 1, 'category_id': 3, **box}]
    found = [sample(1, [[10, 10, 60, 60]], [0], [0.9])]
    values = run(FastCocoMetric(write(tmp_path, content), metric=['bbox', 'segm'], backend=backend), found)
    assert (values['bbox_mAP'], values['segm_mAP']) == (1.0, 1.0)


def test_missing_iscrowd_means_no_crowd(tmp_path):
    content, samples = make_set()
    for ann in content['annotations']:
        ann['iscrowd'] = 0
    full = run(FastCocoMetric(write(tmp_path, content)), samples)
    for ann in content['annotations']:
        del ann['iscrowd']
    assert run(FastCocoMetric(write(tmp_path, content)), samples) == full


@pytest.mark.parametrize('backend', coco_backend.BACKENDS)
def test_nothing_detected_is_zero_not_absent(tmp_path, backend):
    content, _ = make_set()
    samples = [sample(image['id'], [], [], []) for image in content['images']]
    values = run(FastCocoMetric(write(tmp_path, content), metric=['bbox', 'segm'], backend=backend), samples)
    assert values['segm_mAP'] == values['bbox_mAP'] == 0.0


@pytest.mark.parametrize('backend', coco_backend.BACKENDS)
def test_no_ground_truth_is_minus_one(tmp_path, backend):
    content, samples = make_set()
    content['annotations'] = []
    assert run(FastCocoMetric(write(tmp_path, content), backend=backend), samples)['bbox_mAP'] == -1.0


def test_nan_and_infinite_predictions_are_dropped_and_counted(tmp_path, caplog):
    content, samples = make_set()
    path = write(tmp_path, content)
    clean = run(FastCocoMetric(path, metric='bbox'), samples)
    bad = sample(1, [[0, 0, 20, 20], [5, 5, 30, 30]], [0, 1], [0.9, 0.9])
    bad['pred_instances']['bboxes'][0, 2] = float('nan')
    bad['pred_instances']['scores'][1] = float('inf')
    assert run(FastCocoMetric(path, metric='bbox'), [*samples, bad]) == clean


def test_label_without_category_is_a_clear_error(tmp_path):
    content, samples = make_set()
    samples[0] = sample(1, [[0, 0, 20, 20]], [3], [0.9])
    with pytest.raises(UserError, match=r'predicts label 3.*3 classes.*num_classes=3'):
        run(FastCocoMetric(write(tmp_path, content)), samples)


def test_class_that_is_no_category_names_the_near_one(tmp_path):
    content, samples = make_set()
    with pytest.raises(UserError, match=r"'dogs' \(did you mean 'dog'\?\)"):
        run(FastCocoMetric(write(tmp_path, content)), samples, classes=('cat', 'dogs', 'bird'))


def test_malformed_truth_mask_never_reaches_the_c_code(tmp_path):
    content, _ = make_set()
    content['annotations'][4]['segmentation']['counts'] = 'ooooo0'
    with pytest.raises(UserError, match=r'annotation 5 .*runs sum to'):
        FastCocoMetric(write(tmp_path, content), metric=['bbox', 'segm'])


def test_segm_without_masks_is_a_clear_error(tmp_path):
    content, samples = make_set()
    for item in samples:
        del item['pred_instances']['masks']
    with pytest.raises(UserError, match='needs masks'):
        run(FastCocoMetric(write(tmp_path, content), metric='segm'), samples)


def test_falls_back_to_pycocotools_when_the_fast_package_is_absent(tmp_path, monkeypatch):
    content, samples = make_set()
    path = write(tmp_path, content)
    expected = run(FastCocoMetric(path), samples)
    monkeypatch.setattr(coco_backend, 'find_spec', lambda name: None)
    metric = FastCocoMetric(path)
    assert metric.backend == 'pycocotools'
    assert run(metric, samples) == expected
    with pytest.raises(UserError, match='pip install faster-coco-eval'):
        FastCocoMetric(path, backend='faster-coco-eval')


def test_text_image_ids_fall_back_to_pycocotools(tmp_path):
    content, samples = make_set()
    for image in content['images']:
        image['id'] = f'img{image["id"]:03d}'
    for ann in content['annotations']:
        ann['image_id'] = f'img{ann["image_id"]:03d}'
    for item in samples:
        item['img_id'] = f'img{item["img_id"]:03d}'
    metric = FastCocoMetric(write(tmp_path, content))
    assert metric.backend == 'pycocotools'
    assert (
        run(metric, samples)['bbox_mAP']
        == run(FastCocoMetric(write(tmp_path, make_set()[0])), make_set()[1])['bbox_mAP']
    )


def test_a_negative_image_id_falls_back_to_pycocotools(tmp_path):
    content, samples = make_set(images=3)
    expected = run(FastCocoMetric(write(tmp_path, content), metric='segm'), samples)
    for item in (*content['images'], *content['annotations']):
        key = 'image_id' if 'image_id' in item else 'id'
        item[key] = -7 if item[key] == 1 else item[key]
    samples[0]['img_id'] = -7
    metric = FastCocoMetric(write(tmp_path, content), metric='segm')
    assert run(metric, samples) == expected
    assert metric.backend == 'pycocotools'


def test_annotations_of_images_that_are_not_listed_count_for_nothing(tmp_path):
    content, samples = make_set(images=3)
    expected = run(FastCocoMetric(write(tmp_path, content)), samples)
    for place in ('seven', 99):
        content['annotations'].append({**content['annotations'][0], 'id': 1000 + len(str(place)), 'image_id': place})
    assert run(FastCocoMetric(write(tmp_path, content)), samples) == expected


def test_truth_from_data_samples_equals_truth_from_the_file(tmp_path):
    content, samples = make_set()
    for item in samples:
        item['instances'] = [
            {
                'bbox': [a['bbox'][0], a['bbox'][1], a['bbox'][0] + a['bbox'][2], a['bbox'][1] + a['bbox'][3]],
                'bbox_label': [3, 7, 9].index(a['category_id']),
                'mask': a['segmentation'],
                'ignore_flag': a['iscrowd'],
            }
            for a in content['annotations']
            if a['image_id'] == item['img_id']
        ]
    options = {'metric': ['bbox', 'segm']}
    assert run(FastCocoMetric(None, **options), samples) == run(
        FastCocoMetric(write(tmp_path, content), **options), samples
    )


def test_results_are_written_where_asked(tmp_path):
    content, samples = make_set()
    metric = FastCocoMetric(
        write(tmp_path, content), metric=['bbox', 'segm'], format_only=True, outfile_prefix=str(tmp_path / 'out')
    )
    assert run(metric, samples) == {}
    written = json.loads((tmp_path / 'out.segm.json').read_text())
    assert len(written) == sum(len(item['pred_instances']['scores']) for item in samples)
    assert coco_mask.decode(written[0]['segmentation']).sum() > 0


def test_unknown_backend_is_refused_at_the_start(tmp_path):
    with pytest.raises(ValueError, match='backend must be one of'):
        FastCocoMetric(write(tmp_path, make_set()[0]), backend='fast')


def test_is_registered():
    assert METRICS.get('mmseg_plugins.FastCocoMetric') is FastCocoMetric


def test_proposal_fast_ignores_crowds_and_classes(tmp_path):
    content, _ = make_set()
    by_image = {image['id']: [] for image in content['images']}
    for ann in content['annotations']:
        x, y, w, h = ann['bbox']
        if not ann['iscrowd']:
            by_image[ann['image_id']].append([x, y, x + w, y + h])
    samples = [sample(key, found, [0] * len(found), [0.5] * len(found)) for key, found in by_image.items()]
    values = run(FastCocoMetric(write(tmp_path, content), metric='proposal_fast', proposal_nums=(1, 50)), samples)
    assert values['AR@50'] == 1.0
    assert 0 < values['AR@1'] < 1


@pytest.mark.parametrize('backend', ['faster-coco-eval', 'pycocotools'])
def test_ignored_classes_count_right_objects_of_wrong_classes(tmp_path, backend):
    content, _ = make_set()
    content['annotations'] = [ann for ann in content['annotations'] if not ann['iscrowd']]
    samples = []
    for image in content['images']:
        boxes = [ann['bbox'] for ann in content['annotations'] if ann['image_id'] == image['id']]
        boxes = [(x, y, x + w, y + h) for x, y, w, h in boxes]
        samples.append(sample(image['id'], boxes, [0] * len(boxes), [0.5] * len(boxes)))
    path = write(tmp_path, content)
    options = dict(metric=['bbox', 'segm'], backend=backend, classwise=True)
    metric = FastCocoMetric(path, ignore_classes=True, **options)
    values = run(metric, samples)
    assert values['segm_mAP'] == values['bbox_mAP'] == 1.0
    assert metric.class_rows == {'bbox': [], 'segm': []}
    assert run(FastCocoMetric(path, **options), samples)['segm_mAP'] < 0.9

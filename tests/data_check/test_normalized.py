"""What COCO files say in other words is read with its one meaning, alike by check, data set and metrics."""

import contextlib
import io
import json

import numpy as np
import pytest
import torch
from coco_sets import CLASSES, annotation, check, dataset_config, rle_annotation, sound_content, write_set
from mmdet.datasets import CocoDataset
from mmdet.evaluation import CocoMetric

from mmseg_plugins import setup
from mmseg_plugins.config.classes import read_classes
from mmseg_plugins.evaluation.coco_metric import FastCocoMetric
from mmseg_plugins.structures.coco_json import normalize, read_coco
from mmseg_plugins.utils.errors import UserError

SQUARE = [5, 6, 15, 6, 15, 14, 5, 14]
POINTS = [[5, 6], [15, 6], [15, 14], [5, 14]]
RLE = rle_annotation(1)['segmentation']

#: What is written, and what it is read as.
SAME = {
    'crowd null': (dict(iscrowd=None), dict(iscrowd=0)),
    'crowd text': (dict(iscrowd='0'), dict(iscrowd=0)),
    'crowd true': (dict(iscrowd=True), dict(iscrowd=1)),
    'crowd absent': (dict(iscrowd=...), dict(iscrowd=0)),
    'crowd NaN': (dict(iscrowd=float('nan')), dict(iscrowd=0)),
    'ignore null': (dict(ignore=None), dict(ignore=0)),
    'category text': (dict(category_id='1'), dict(category_id=1)),
    'image float': (dict(image_id=1.0), dict(image_id=1)),
    'box texts': (dict(bbox=['5', '6', '10.5', '8']), dict(bbox=[5, 6, 10.5, 8])),
    'box absent': (dict(bbox=..., segmentation=[SQUARE]), dict(bbox=[5, 6, 10, 8])),
    'area absent': (dict(area=..., segmentation=[SQUARE]), dict(area=80)),
    'area text': (dict(area='80'), dict(area=80)),
    'flat': (dict(segmentation=SQUARE), dict(segmentation=[SQUARE])),
    'points': (dict(segmentation=POINTS), dict(segmentation=[SQUARE])),
    'lists of points': (dict(segmentation=[POINTS]), dict(segmentation=[SQUARE])),
    'points by name': (dict(segmentation=[dict(x=x, y=y) for x, y in POINTS]), dict(segmentation=[SQUARE])),
    'too deep': (dict(segmentation=[[SQUARE]]), dict(segmentation=[SQUARE])),
    'text of JSON': (dict(segmentation=json.dumps([SQUARE])), dict(segmentation=[SQUARE])),
    'texts': (dict(segmentation=[list(map(str, SQUARE))]), dict(segmentation=[SQUARE])),
    'bytes': (dict(segmentation={**RLE, 'counts': repr(RLE['counts'].encode())}), dict(segmentation=RLE)),
    'float size': (dict(segmentation={**RLE, 'size': [40.0, 60.0]}), dict(segmentation=RLE)),
    'RLE in a list': (dict(segmentation=[RLE]), dict(segmentation=RLE)),
}


@pytest.mark.parametrize('name', SAME)
def test_one_meaning_is_read_with_a_note(tmp_path, name):
    content = sound_content()
    wrong, right = SAME[name]
    content['annotations'].append(annotation(99, **wrong))
    report = check(tmp_path, content)
    assert report.problems() == []
    assert [note for note in report.notes if note.startswith('read with one meaning: 1 x')]
    read = read_coco(tmp_path / 'data/annotations/train.json').content['annotations'][-1]
    assert {key: read[key] for key in right} == right
    assert [type(read[key]) for key in right if key != 'area'] == [type(right[key]) for key in right if key != 'area']
    assert normalize({'annotations': [read]}) == ()


@pytest.mark.parametrize('first', ['a1', 303.0, None, ..., 0, 2**70, [1]])
def test_annotation_ids_that_evaluation_cannot_hold_are_numbered(tmp_path, first):
    content = sound_content()
    content['annotations'][0]['id'] = first
    if first is ...:
        del content['annotations'][0]['id']
    report = check(tmp_path, content)
    assert report.problems() == []
    ids = [ann['id'] for ann in read_coco(tmp_path / 'data/annotations/train.json').content['annotations']]
    assert ids == ([303, 2, 3, 4, 5, 6] if first == 303.0 else [1, 2, 3, 4, 5, 6])


def test_accents_of_categories_are_composed(tmp_path):
    content = sound_content()
    content['categories'][0]['name'] = 'caf\u0065\u0301'
    read, notes = read_coco(write_set(tmp_path, content))
    assert read['categories'][0]['name'] == 'caf\u00e9'
    assert 'composed accents' in ' '.join(notes)


def test_sound_file_is_handed_on_unchanged(tmp_path):
    path = write_set(tmp_path, sound_content())
    assert read_coco(path) == (json.loads(path.read_text()), ())


@pytest.mark.parametrize('encoding', ['utf-8-sig', 'utf-16', 'utf-32'])
def test_byte_order_marks_say_the_encoding(tmp_path, encoding):
    path = write_set(tmp_path, sound_content())
    path.write_bytes(path.read_text().encode(encoding))
    assert read_coco(path).content == sound_content()
    assert read_classes(path) == CLASSES


@pytest.mark.parametrize(('data', 'text'), [
    (b'{"categories": [{"id": 1, "name": "\xb0\xa1"}]}', r"not UTF-8 text \(byte \d+: b'"),
    (b'{"images": [', 'line 1, column 13'),
    (b'{"images": [], "images": [1]}', "'images' twice"),
    (b'[' * 100000, 'no JSON that can be read'),
    (b'[' + b'9' * 5000 + b']', 'no JSON that can be read'),
])
def test_files_without_a_meaning_are_refused_in_one_sentence(tmp_path, data, text):
    (tmp_path / 'a.json').write_bytes(data)
    with pytest.raises(UserError, match=text):
        read_classes(tmp_path / 'a.json')


def spoiled():
    """A file in which every annotation says something in other words, with categories in another order."""
    content = sound_content()
    for image in content['images']:
        image['width'] = float(image['width'])
    for i, ann in enumerate(content['annotations']):
        ann.update(id=f'n{i}', iscrowd=None, category_id=str(ann['category_id']))
    content['categories'].reverse()
    return content


@pytest.mark.parametrize('metric', [CocoMetric, FastCocoMetric])
@pytest.mark.parametrize('classes', [CLASSES, ('bird', *CLASSES)])
def test_data_set_and_metrics_see_what_the_check_accepted(tmp_path, metric, classes):
    setup()
    path = write_set(tmp_path, spoiled(), 'val')
    with contextlib.redirect_stdout(io.StringIO()):
        config = dataset_config(tmp_path, 'val', metainfo={'classes': classes}, pipeline=[])
        config.pop('type')
        dataset = CocoDataset(**config)
        evaluator = metric(ann_file=str(path), metric='bbox', classwise=metric is FastCocoMetric)
        evaluator.dataset_meta = dataset.metainfo
        for i in range(len(dataset)):
            info = dataset.get_data_info(i)
            boxes = torch.tensor([item['bbox'] for item in info['instances']], dtype=torch.float32)
            masks = np.zeros((len(boxes), 40, 60), bool)
            for mask, (x1, y1, x2, y2) in zip(masks, boxes.int().tolist(), strict=True):
                mask[y1:y2, x1:x2] = True
            pred = dict(bboxes=boxes, scores=torch.ones(len(boxes)), masks=torch.tensor(masks),
                        labels=torch.tensor([item['bbox_label'] for item in info['instances']]))
            evaluator.process({}, [dict(pred_instances=pred, img_id=info['img_id'], ori_shape=(40, 60))])
        values = evaluator.evaluate(len(dataset))
    assert values['coco/bbox_mAP'] == 1.0
    if metric is FastCocoMetric:
        assert values['coco/cat_precision'] == values['coco/dog_precision'] == 1.0


def test_stock_metric_that_would_swap_the_names_of_classes_is_refused(tmp_path):
    """Its per-class numbers come in the order of ids, their names in the order of labels."""
    assert check(tmp_path, sound_content(), names_by_id=True).problems() == []
    problem, = check(tmp_path, sound_content(), classes=('dog', 'cat'), names_by_id=True).problems()
    assert 'mmseg_plugins.FastCocoMetric' in problem

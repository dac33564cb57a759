"""Objects and label maps become panoptic files that the host's data set and our metric read, and come back equal."""

import json

import cv2
import numpy as np
import pytest
import torch
from mmdet.datasets import CocoPanopticDataset

from mmseg_plugins.cli.main import main
from mmseg_plugins.evaluation.panoptic_metric import PanopticQualityMetric
from mmseg_plugins.structures.panoptic_ids import decode_ids
from mmseg_plugins.structures.rle import decode_rle, encode_mask


def write_source(root):
    """Two images: a large dog with a small cat on it and a crowd below both; the other without an object."""
    (root / 'images').mkdir(parents=True)
    (root / 'labels').mkdir()
    masks = np.zeros((3, 16, 20), bool)
    masks[0, 2:12, 2:12], masks[1, 4:8, 4:14], masks[2, :6, :] = 1, 1, 1
    labels = np.full((16, 20), 255, np.uint8)
    labels[:, 15:] = 7
    for name in ('a', 'b'):
        cv2.imwrite(str(root / 'images' / f'{name}.jpg'), np.zeros((16, 20, 3), np.uint8))
        cv2.imwrite(str(root / 'labels' / f'{name}.png'), labels)
    categories = [dict(id=3, name='cat'), dict(id=8, name='dog')]
    annotations = [dict(id=k + 1, image_id=1, category_id=category, iscrowd=crowd, area=int(mask.sum()), bbox=[0] * 4,
                        segmentation=encode_mask(mask))
                   for k, (mask, category, crowd) in enumerate(zip(masks, (8, 3, 3), (0, 0, 1), strict=True))]
    images = [dict(id=k, file_name=f'{name}.jpg', height=16, width=20) for k, name in ((1, 'a'), (2, 'b'))]
    (root / 'instances_train.json').write_text(
        json.dumps(dict(images=images, annotations=annotations, categories=categories)))
    return masks, labels


def convert(root, *options):
    return main(['convert-data', 'panoptic', str(root / 'instances_train.json'), '--image-dir', str(root / 'images'),
                 '--out-dir', str(root / 'out'), *options])


@pytest.mark.parametrize('overlaps', ['smaller', 'first'])
def test_each_pixel_is_given_by_the_stated_rule(tmp_path, overlaps):
    masks, labels = write_source(tmp_path)
    assert convert(tmp_path, '--overlaps', overlaps, '--label-dir', str(tmp_path / 'labels'), '--stuff', '7=grass',
                   '--uncovered', 'ground') == 0
    ids = decode_ids((tmp_path / 'out/panoptic_train/a.png').read_bytes())
    for y, x in np.ndindex(ids.shape):
        order = [1, 0, 2] if overlaps == 'smaller' else [0, 1, 2]
        expected = next((k + 1 for k in order if masks[k, y, x]), 4 if labels[y, x] == 7 else 5)
        assert ids[y, x] == expected
    content = json.loads((tmp_path / 'out/annotations/panoptic_train.json').read_text())
    assert [(c['name'], c['isthing']) for c in content['categories']] == [
        ('cat', 1), ('dog', 1), ('grass', 0), ('ground', 0)]
    for segment in content['annotations'][0]['segments_info']:
        ys, xs = np.nonzero(ids == segment['id'])
        assert segment['area'] == len(ys)
        assert segment['bbox'] == [xs.min(), ys.min(), np.ptp(xs) + 1, np.ptp(ys) + 1]
    assert [s['iscrowd'] for s in content['annotations'][0]['segments_info']] == [0, 0, 1, 0, 0]
    assert [s['category_id'] for s in content['annotations'][1]['segments_info']] == [3, 4]


def test_the_host_reads_the_files_and_a_perfect_prediction_has_pq_100(tmp_path):
    write_source(tmp_path)
    assert convert(tmp_path, '--uncovered', 'ground') == 0
    out = tmp_path / 'out'
    classes = ('cat', 'dog', 'ground')
    meta = dict(classes=classes, thing_classes=classes[:2], stuff_classes=classes[2:])
    dataset = CocoPanopticDataset(
        ann_file=str(out / 'annotations/panoptic_train.json'), metainfo=meta, pipeline=[], test_mode=True,
        data_prefix=dict(img=str(tmp_path / 'images'), seg=str(out / 'panoptic_train')))
    metric = PanopticQualityMetric(str(out / 'annotations/panoptic_train.json'), str(out / 'panoptic_train'))
    metric.dataset_meta = meta
    for k in range(len(dataset)):
        info = dataset.get_data_info(k)
        with open(info['seg_map_path'], 'rb') as stream:
            ids = decode_ids(stream.read())
        predicted = np.full(ids.shape, len(classes))
        for segment in info['segments_info']:
            predicted[ids == segment['id']] = segment['category'] + 1000 * segment['id'] * segment['is_thing']
        result = dict(sem_seg=torch.from_numpy(predicted)[None])
        metric.process(None, [dict(img_id=info['img_id'], pred_panoptic_seg=result)])
    assert len(dataset) == 2
    assert metric.evaluate(2)['coco_panoptic/PQ'] == pytest.approx(100)


def test_panoptic_files_come_back_as_objects_and_label_maps(tmp_path):
    masks, _ = write_source(tmp_path)
    assert convert(tmp_path, '--uncovered', 'ground') == 0
    assert main(['convert-data', 'panoptic', str(tmp_path / 'out/annotations/panoptic_train.json'), '--to', 'instances',
                 '--image-dir', str(tmp_path / 'images'), '--out-dir', str(tmp_path / 'back')]) == 0
    content = json.loads((tmp_path / 'back/annotations/instances_train.json').read_text())
    names = {item['id']: item['name'] for item in content['categories']}
    dog, cat, crowd = content['annotations']
    assert [names[item['category_id']] for item in (dog, cat, crowd)] == ['dog', 'cat', 'cat']
    assert np.array_equal(decode_rle(cat['segmentation']), masks[1])
    assert np.array_equal(decode_rle(dog['segmentation']), masks[0] & ~masks[1])
    assert crowd['iscrowd'] == 1
    semantic = cv2.imread(str(tmp_path / 'back/semantic_train/a.png'), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(semantic == 1, masks[0] & ~masks[1])
    assert np.array_equal(semantic == 2, ~masks.any(0))


def test_image_ids_of_the_source_stay_there_and_back(tmp_path):
    """The objects' JSON and the panoptic one are evaluated in one run: an id must mean the same image in both."""
    write_source(tmp_path)
    source = tmp_path / 'instances_train.json'
    content = json.loads(source.read_text())
    for image, number in zip(content['images'], (70, 30), strict=True):
        image['id'] = number
    for item in content['annotations']:
        item['image_id'] = 70
    source.write_text(json.dumps(content))
    assert convert(tmp_path, '--uncovered', 'ground') == 0
    made = tmp_path / 'out/annotations/panoptic_train.json'
    assert main(['convert-data', 'panoptic', str(made), '--to', 'instances', '--image-dir', str(tmp_path / 'images'),
                 '--out-dir', str(tmp_path / 'back')]) == 0
    for path in (made, tmp_path / 'back/annotations/instances_train.json'):
        written = json.loads(path.read_text())
        assert [(item['id'], item['file_name']) for item in written['images']] == [(70, 'a.jpg'), (30, 'b.jpg')]
        assert written['annotations'][0]['image_id'] == 70


@pytest.mark.parametrize(('options', 'words'), [
    (['--uncovered', 'dog'], 'a class is a thing or stuff'),
    (['--stuff', '7=grass'], 'go together'),
    (['--stuff', 'grass', '--label-dir', 'labels'], 'VALUE=NAME'),
    (['--stuff', '7=grass', '--label-dir', 'nowhere'], 'is no label map'),
    (['--to', 'instances', '--image-dir', '.'], 'is no panoptic JSON'),
])
def test_what_cannot_be_converted_is_refused(tmp_path, capsys, options, words):
    write_source(tmp_path)
    assert convert(tmp_path, *options) == 2
    assert words in capsys.readouterr().err

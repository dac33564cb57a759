"""What ``test`` writes: predictions image by image, and the scores of every class."""

import csv
import json

import cv2
import numpy as np
import pytest
import torch
import toy_runs
from mmengine.registry import MODELS, init_default_scope
from pycocotools import mask as mask_api

from mmseg_plugins.apis import Predictor
from mmseg_plugins.cli.main import main
from mmseg_plugins.evaluation.streamed_results import StreamedResults
from mmseg_plugins.utils.errors import UserError


def saved(cfg, folder, **meta):
    init_default_scope(cfg.default_scope)
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    model.init_weights()
    torch.save(dict(state_dict=model.state_dict(), meta=meta), folder / 'model.pth')
    cfg.dump(str(folder / 'config.py'))
    return str(folder / 'config.py'), str(folder / 'model.pth')


def rows(path):
    with open(path, encoding='utf-8') as stream:
        return list(csv.reader(stream))


def test_label_maps_are_streamed_and_every_class_has_its_iou(tmp_path):
    data = toy_runs.write_toy_label_maps(tmp_path / 'data', images=2)
    places = ('day/cam', 'night/cam')  # the same name in folders of the same name
    for folder in ('img_dir', 'ann_dir'):
        for index, place in enumerate(places):
            (data / folder / place).mkdir(parents=True)
            (data / folder / f'{index}.png').rename(data / folder / place / '7.png')
    files = saved(toy_runs.segmentor_config(data, tmp_path / 'run'), tmp_path)
    assert main(['test', *files, '--out', str(tmp_path / 'out'), '--work-dir', str(tmp_path / 'run')]) == 0
    predictor, shares = Predictor(*files), np.zeros((3, 2))
    for place in places:
        labels = cv2.imread(str(tmp_path / 'out' / 'labels' / place / '7.png'), -1)
        sample = predictor(data / 'img_dir' / place / '7.png')
        assert np.array_equal(labels, sample.pred_sem_seg.data[0].numpy())
        truth = cv2.imread(str(data / 'ann_dir' / place / '7.png'), -1)
        for label in range(3):
            a, b = (truth == label), (labels == label) & (truth != 255)
            shares[label] += (a & b).sum(), (a | b).sum()
    header, *table = rows(tmp_path / 'run' / 'classes_iou.csv')
    assert header == ['class', 'IoU', 'recall', 'precision']
    assert [row[0] for row in table] == ['ground', 'disc', 'bar']
    assert [float(row[1]) for row in table] == pytest.approx(100 * shares[:, 0] / shares[:, 1], abs=0.006)


def test_instances_are_streamed_with_the_ids_of_the_coco_file(tmp_path):
    data = toy_runs.write_toy_coco(tmp_path / 'data', images=2)
    cfg = toy_runs.detector_config(data, tmp_path / 'run')
    cfg.test_evaluator.type = 'mmseg_plugins.FastCocoMetric'
    files = saved(cfg, tmp_path, dataset_meta=dict(classes=toy_runs.CLASSES))
    assert main(['test', *files, '--out', str(tmp_path / 'out'), '--work-dir', str(tmp_path / 'run')]) == 0
    entries = json.loads((tmp_path / 'out' / 'predictions.json').read_text())
    sample = Predictor(*files)(data / 'images' / 'toy 1.png')
    mine = [entry for entry in entries if entry['image_id'] == 2]
    assert len(mine) == len(sample.pred_instances) > 0
    for entry, mask, label in zip(mine, sample.pred_instances.masks, sample.pred_instances.labels, strict=True):
        assert np.array_equal(mask_api.decode(entry['segmentation']), mask.numpy())
        assert entry['category_id'] == label + 1
    assert [path.name for path in (tmp_path / 'out').iterdir()] == ['predictions.json']
    for kind in ('bbox', 'segm'):
        assert [row[0] for row in rows(tmp_path / 'run' / f'classes_{kind}_ap.csv')] == ['class', 'disc', 'bar']


def test_the_stock_coco_metric_gives_the_ap_of_every_class_and_its_own_numbers(tmp_path):
    data = toy_runs.write_toy_coco(tmp_path / 'data', images=2)
    tables, numbers = [], []
    for kind in ('CocoMetric', 'mmseg_plugins.FastCocoMetric'):
        cfg = toy_runs.detector_config(data, tmp_path / 'run')
        cfg.test_evaluator.type = kind
        files = saved(cfg, tmp_path, dataset_meta=dict(classes=toy_runs.CLASSES))
        work_dir = tmp_path / kind
        assert main(['test', *files, '--work-dir', str(work_dir)]) == 0
        tables.append([rows(work_dir / f'classes_{name}_ap.csv') for name in ('bbox', 'segm')])
        numbers.append(json.loads((work_dir / 'test_summary.json').read_text())['metrics'])
    assert tables[0] == tables[1]
    assert numbers[0] == pytest.approx(numbers[1])


def test_classes_that_the_json_lacks_shift_no_category(tmp_path):
    (tmp_path / 'truth.json').write_text(json.dumps(dict(
        images=[], annotations=[], categories=[dict(id=4, name='c'), dict(id=9, name='a')])))
    metric = StreamedResults(tmp_path / 'out', ann_file=str(tmp_path / 'truth.json'))
    metric.dataset_meta = dict(classes=('a', 'b', 'c'))
    found = dict(bboxes=torch.zeros(3, 4), labels=torch.arange(3), scores=torch.ones(3))
    metric.process({}, [dict(pred_instances=found, img_id=1, img_path='x/1.png')])
    metric.evaluate(1)
    entries = json.loads((tmp_path / 'out' / 'predictions.json').read_text())
    assert [entry['category_id'] for entry in entries] == [9, 10, 4]


def test_labels_of_a_head_of_one_channel_are_written(tmp_path):
    metric = StreamedResults(tmp_path)
    metric.dataset_meta = dict(classes=('a', 'b'))
    metric.process({}, [dict(pred_sem_seg=dict(data=torch.eye(4)[None]), img_path='x/1.png')])
    assert np.array_equal(cv2.imread(str(tmp_path / 'labels' / 'x' / '1.png'), -1), np.eye(4))


def test_nothing_of_an_image_stays_in_memory_and_equal_names_are_refused(tmp_path):
    metric = StreamedResults(tmp_path)
    metric.dataset_meta = dict(classes=('a', 'b'))
    label_map = torch.zeros(1, 4, 4, dtype=torch.long)
    for index in range(50):
        metric.process({}, [dict(pred_sem_seg=dict(data=label_map), seg_logits=dict(data=torch.zeros(2, 4, 4)),
                                 img_path=f'x/{index}.png')])
    assert metric.results == []
    assert not any(isinstance(value, (torch.Tensor, np.ndarray)) for value in vars(metric).values())
    with pytest.raises(UserError, match='would both be written'):
        metric.process({}, [dict(pred_sem_seg=dict(data=label_map), img_path='y/x/3.png')])


def test_images_of_one_name_get_files_of_their_own(tmp_path):
    metric = StreamedResults(tmp_path / 'out')
    metric.dataset_meta = dict(classes=('a', 'b'))
    paths = ['d/day/cam/1.png', 'd/night/cam/1.png', 'd/cam/2.png', 'd/cam/2.jpg', 'd/cam/2_png.jpg', 'd/cam/3.png',
             'd/cam/3.png']
    metric.name_images(paths)
    for label, path in enumerate(paths):
        labels = torch.full((1, 4, 4), label)
        metric.process({}, [dict(pred_sem_seg=dict(data=labels), pred_foreground=dict(data=labels), img_path=path)])
    found = {file.relative_to(tmp_path / 'out').as_posix(): int(cv2.imread(str(file), -1).max())
             for file in (tmp_path / 'out' / 'labels').rglob('*.png')}
    assert found == {'labels/day/cam/1.png': 0, 'labels/night/cam/1.png': 1, 'labels/cam/2_png_2.png': 2,
                     'labels/cam/2_jpg.png': 3, 'labels/cam/2_png.png': 4, 'labels/cam/3.png': 6}
    assert len(list((tmp_path / 'out' / 'foreground').rglob('*.png'))) == 6

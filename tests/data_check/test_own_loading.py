"""Images that a step of the user's own loads: judged by this step, as training and prediction load them."""

import json

import cv2
import data_promise
import numpy as np
import pytest
import toy_runs
from mmcv.transforms import BaseTransform

from mmseg_plugins.data_check.check_config import check_config
from mmseg_plugins.data_check.image_check import ImageOptions, OwnSteps, images_to_open


class LoadNpyImage(BaseTransform):
    """Five bands from a file of numpy."""

    key = 'img_path'

    def transform(self, results):
        image = np.load(results[self.key])
        return {**results, 'img': image, 'img_shape': image.shape[:2], 'ori_shape': image.shape[:2]}


class LoadImageOfWeather(LoadNpyImage):
    key = 'weather'  # what only a data set of its own gives


class LoadNpyAnnotations(BaseTransform):
    def transform(self, results):
        labels = np.load(results['seg_map_path'])
        return {**results, 'gt_seg_map': labels, 'seg_fields': [*results.get('seg_fields', ()), 'gt_seg_map']}


def as_npy(folder):
    for path in sorted(folder.glob('*.png')):
        image = cv2.imread(str(path), -1)
        np.save(path.with_suffix('.npy'), image if image.ndim == 2 else np.dstack([image, image[..., :2]]))
        path.unlink()


@pytest.fixture
def instances(tmp_path):
    data = toy_runs.write_toy_coco(tmp_path / 'data', images=2)
    as_npy(data / 'images')
    (data / 'ann.json').write_text((data / 'ann.json').read_text().replace('.png', '.npy'))
    cfg = toy_runs.detector_config(data, tmp_path / 'run')
    cfg.model.data_preprocessor.update(mean=None, std=None, bgr_to_rgb=False)
    cfg.model.backbone.in_channels = 5
    return loaded_by(cfg, LoadNpyImage)


def loaded_by(cfg, step):
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        loader.dataset.pipeline[0] = dict(type=step)
    return cfg


def problems(cfg):
    return '\n'.join(text for report in check_config(cfg) for text in report.problems())


def test_arrays_are_accepted_and_can_be_loaded(instances):
    assert data_promise.outcome(instances, data_promise.load_all) == ('accepted', '')


def test_a_damaged_array_and_one_of_another_size_are_named(instances, tmp_path):
    folder = tmp_path / 'data' / 'images'
    (folder / 'toy 0.npy').write_bytes((folder / 'toy 0.npy').read_bytes()[:-9])
    np.save(folder / 'toy 1.npy', np.zeros((64, 60, 5), np.uint8))
    said = problems(instances)
    assert 'toy 0.npy: LoadNpyImage, with which the config loads images, cannot read it (ValueError' in said
    assert 'the JSON says 64 x 64, the file is 60 x 64' in said


def test_a_step_that_needs_more_than_a_path_is_not_judged(instances):
    reports = check_config(loaded_by(instances, LoadImageOfWeather))
    assert [report.problems() for report in reports] == [[], []]  # the test set is that of the validation
    assert all(any('LoadImageOfWeather, which takes or gives' in note for note in report.notes) for report in reports)


def test_label_maps_that_a_step_of_its_own_reads_are_not_opened(tmp_path):
    data = toy_runs.write_toy_label_maps(tmp_path / 'data', images=2)
    for folder in ('img_dir', 'ann_dir'):
        as_npy(data / folder)
    cfg = loaded_by(toy_runs.segmentor_config(data, tmp_path / 'run'), LoadNpyImage)
    cfg.model.data_preprocessor.update(mean=[0.0] * 5, std=[1.0] * 5, bgr_to_rgb=False)
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        loader.dataset.update(img_suffix='.npy', seg_map_suffix='.npy')
        loader.dataset.pipeline = [dict(type=LoadNpyAnnotations) if step['type'] == 'LoadAnnotations' else step
                                   for step in loader.dataset.pipeline]
    assert data_promise.outcome(cfg, data_promise.load_all) == ('accepted', '')
    (report, *_) = check_config(cfg)
    assert 'label maps are read by LoadNpyAnnotations: they were not opened' in report.notes
    (data / 'img_dir' / '0.npy').write_bytes(b'')
    assert '0.npy: LoadNpyImage' in problems(cfg)


def test_large_files_of_an_own_step_are_opened_in_part(tmp_path, monkeypatch):
    monkeypatch.setattr('mmseg_plugins.data_check.image_check.OWN_BYTES', 25)
    paths = [tmp_path / f'{index}.npy' for index in range(10)]
    for path in paths:
        path.write_bytes(bytes(10))
    steps = OwnSteps((dict(type=LoadNpyImage),))
    assert len(images_to_open(paths, ImageOptions(), steps)[0]) == 2
    assert len(images_to_open(paths, ImageOptions(decode=True), steps)[0]) == 10


def test_steps_of_the_hosts_with_opencv_stay_as_they_were(tmp_path):
    cfg = toy_runs.detector_config(toy_runs.write_toy_coco(tmp_path / 'data', images=2), tmp_path / 'run')
    cfg.train_dataloader.dataset.pipeline[0]['imdecode_backend'] = 'tifffile'
    assert 'LoadImageFromFile, with which the config loads images, cannot read it' in problems(cfg)
    content = json.loads((tmp_path / 'data' / 'ann.json').read_text())
    assert len(content['images']) == 2
    del cfg.train_dataloader.dataset.pipeline[0]['imdecode_backend']
    assert problems(cfg) == ''

"""What pipelines make of sizes of images, and which sizes are refused."""

import json

import cv2
import numpy as np
import pytest
from mmengine.registry import DefaultScope
from toy_runs import detector_config, segmentor_config, write_toy_coco, write_toy_label_maps

from mmseg_plugins.data_check.check_config import check_config
from mmseg_plugins.data_check.check_report import inputs_of
from mmseg_plugins.data_check.pipeline_sizes import outcome

THIN = (3, 3000)
DETECT = [dict(type='LoadImageFromFile'), dict(type='LoadAnnotations', with_bbox=True, with_mask=True)]
LABEL = [dict(type='LoadImageFromFile'), dict(type='LoadAnnotations')]
RESIZE = dict(type='Resize', scale=(96, 96), keep_ratio=True)
PIPELINES = {
    'resize': ('mmdet', [*DETECT, RESIZE]),
    'before annotations': ('mmdet', [DETECT[0], RESIZE, DETECT[1]]),
    'random ratio': ('mmdet', [*DETECT, dict(type='RandomResize', scale=(640, 640), ratio_range=(0.1, 2.0),
                                             keep_ratio=True)]),
    'random scales': ('mmdet', [*DETECT, dict(type='RandomResize', scale=[(96, 96), (2000, 800)], keep_ratio=True)]),
    'one of several': ('mmdet', [*DETECT, dict(type='RandomChoiceResize', scales=[(3000, 900), (96, 96)],
                                               keep_ratio=True)]),
    'a branch': ('mmdet', [*DETECT, dict(type='RandomChoice', transforms=[[dict(type='RandomFlip')], [RESIZE]])]),
    'sometimes': ('mmdet', [*DETECT, dict(type='RandomApply', transforms=[RESIZE], prob=0.1)]),
    'a relative crop': ('mmdet', [*DETECT, dict(type='RandomCrop', crop_type='relative_range', crop_size=(0.1, 0.1))]),
    'label maps': ('mmseg', [*LABEL, RESIZE]),
    'ratio of label maps': ('mmseg', [*LABEL, dict(type='RandomResize', scale=(96, 96), ratio_range=(0.5, 2),
                                                   keep_ratio=True), dict(type='RandomCrop', crop_size=(64, 64))]),
    'augmented tests': ('mmseg', [LABEL[0], dict(type='TestTimeAug', transforms=[
        [dict(type='Resize', scale_factor=0.1, keep_ratio=True), dict(type='Resize', scale_factor=1.0)],
        [dict(type='LoadAnnotations')], [dict(type='PackSegInputs')]])]),
}


@pytest.mark.parametrize('name', PIPELINES)
def test_a_thin_image_that_loses_a_side_is_a_problem_and_an_ordinary_one_is_none(name):
    scope, steps = PIPELINES[name]
    with DefaultScope.overwrite_default_scope(scope):
        assert 'Resize' in outcome(steps, THIN).problem or 'RandomCrop' in outcome(steps, THIN).problem
        assert outcome(steps, (300, 400)).problem == ''


def test_the_sizes_that_come_out():
    with DefaultScope.overwrite_default_scope('mmdet'):
        assert outcome([*DETECT, RESIZE], (300, 400)).sizes == [(72, 96)]
        assert outcome([*DETECT, dict(RESIZE, keep_ratio=False)], THIN).sizes == [(96, 96)]
        random = [*DETECT, dict(type='RandomResize', scale=(64, 64), ratio_range=(1.0, 2.0), keep_ratio=True)]
        assert outcome(random, (64, 64)).sizes == [(64, 64), (128, 128), (65, 65)]
        padded = [*random, dict(type='Pad', size=(128, 128))]
        assert outcome(padded, (64, 64)).sizes == [(128, 128)]


def test_steps_of_the_user_and_steps_that_join_images_end_what_is_known(monkeypatch):
    from mmcv.transforms import TRANSFORMS, BaseTransform

    class OwnStep(BaseTransform):
        def transform(self, results):
            raise AssertionError('it is not called')

    monkeypatch.setitem(TRANSFORMS._module_dict, 'OwnStep', OwnStep)
    with DefaultScope.overwrite_default_scope('mmdet'):
        for step in (dict(type='OwnStep'), dict(type='Mosaic')):
            found = outcome([*DETECT, step, RESIZE], THIN)
            assert (found.sizes, found.problem) == ([], '')


def write_thin(folder, width, height):
    write_toy_coco(folder, images=2)
    cv2.imwrite(str(folder / 'images' / 'toy 0.png'), np.zeros((height, width, 3), np.uint8))
    content = json.loads((folder / 'ann.json').read_text())
    content['images'][0].update(width=width, height=height)
    for annotation in content['annotations'][:2]:
        annotation.update(bbox=[0, 0, width, height], area=width * height,
                          segmentation=[[0, 0, width, 0, width, height, 0, height]])
    (folder / 'ann.json').write_text(json.dumps(content))
    return folder


def test_the_check_names_image_size_step_and_fix(tmp_path):
    reports = check_config(detector_config(write_thin(tmp_path, 3000, 3), tmp_path))
    train, val = (report.problems() for report in reports)  # the test set is that of the validation
    assert train == []
    assert val == ['toy 0.png (3000 x 3 px): Resize(scale=(96, 96)) would make 96 x 0 px of 3000 x 3 in its pipeline. '
                   'Rule: each side keeps a pixel in every step. Fix: cut such images, pad them or leave them out, or '
                   'set this step otherwise (a larger scale, keep_ratio=False).']


def test_images_that_the_loader_drops_are_not_asked_for(tmp_path):
    cfg = detector_config(write_thin(tmp_path, 3000, 3), tmp_path)
    dataset = cfg.train_dataloader.dataset
    dataset.pipeline = [*dataset.pipeline[:2], RESIZE, *dataset.pipeline[2:]]
    assert 'would make 96 x 0 px' in check_config(cfg, ['train'])[0].problems()[0]
    dataset.filter_cfg = dict(min_size=8)
    report, = check_config(cfg, ['train'])
    assert (report.problems(), report.inputs) == ([], {'train': [(96, 96)]})


def test_a_second_pipeline_of_the_same_files_is_asked_too(tmp_path):
    write_toy_label_maps(tmp_path, images=2)
    cv2.imwrite(str(tmp_path / 'img_dir' / '0.png'), np.zeros((2, 400, 3), np.uint8))
    cv2.imwrite(str(tmp_path / 'ann_dir' / '0.png'), np.ones((2, 400), np.uint8))
    cfg = segmentor_config(tmp_path, tmp_path)
    cfg.train_dataloader.batch_size = 1
    assert 'Resize(scale=(64, 64)) would make 64 x 0 px of 400 x 2 in the pipeline of val' in str(
        [problem for report in check_config(cfg) for problem in report.problems()])


def test_what_each_split_gives_to_the_network_is_noted(tmp_path):
    write_toy_label_maps(tmp_path, images=2)
    cfg = segmentor_config(tmp_path, tmp_path)
    assert inputs_of(check_config(cfg)) == {'train': [(64, 64)], 'val': [(64, 64)], 'test': [(64, 64)]}

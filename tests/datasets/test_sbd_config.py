"""The VOC config's data, pipelines and metric together, on a tiny SBD."""

import pytest
import torch
from mmdet.registry import DATASETS, METRICS
from mmengine.registry import DefaultScope
from mmengine.structures import InstanceData
from sbd_sets import HEIGHT, WIDTH, write_sbd
from tiny_models import CONFIGS

from mmseg_plugins.config.load import load_config
from mmseg_plugins.data_check.check_config import check_config

NAME = 'fcis/fcis_r101-dc5-random_4xb1-62k_sbd.py'


@pytest.fixture
def cfg(tmp_path):
    return load_config(CONFIGS / NAME, {'data_root': str(write_sbd(tmp_path / 'sbd')) + '/'})


def built(cfg, split):
    with DefaultScope.overwrite_default_scope('mmdet'):
        return DATASETS.build(cfg[f'{split}_dataloader'].dataset)


def test_the_data_check_of_the_config_passes(cfg):
    reports = check_config(cfg)
    assert [report.name for report in reports] == ['train', 'val']
    assert [problem for report in reports for problem in report.problems()] == []
    assert [report.kept_images for report in reports] == [2, 1]


def test_training_images_are_enlarged_with_their_objects(cfg):
    dataset = built(cfg, 'train')
    assert len(dataset) == 2  # the image without an object is left out
    sample = dataset[1]
    assert sample['inputs'].shape == (3, 600, 900)
    assert sample['data_samples'].gt_instances.bboxes.tensor.tolist() == [[0, 0, 900, 600]]
    assert sample['data_samples'].gt_instances.masks.masks.all()


@pytest.mark.parametrize(('found', 'value'), [([0, 1, 2], 1.0), ([0, 1], 0.5), ([0, 2], 0.5 * (1 + 6 / 11))])
def test_the_metric_compares_masks_of_the_original_size(cfg, found, value):
    """Two persons and a car: all found, no car found, one of two persons found (recall .5 reaches 6 of 11 steps)."""
    sample = built(cfg, 'val')[0]['data_samples']
    truth = sample.gt_instances
    assert truth.masks.masks.shape == (3, HEIGHT, WIDTH)
    assert sample.img_shape == (600, 900)
    sample.pred_instances = InstanceData(
        bboxes=truth.bboxes.tensor[found],
        labels=truth.labels[found],
        scores=torch.linspace(0.9, 0.5, len(found)),
        masks=torch.from_numpy(truth.masks.masks[found]).bool())
    with DefaultScope.overwrite_default_scope('mmdet'):
        metric = METRICS.build(cfg.val_evaluator)
    metric.dataset_meta = built(cfg, 'val').metainfo
    metric.process(None, [sample.to_dict()])
    assert metric.evaluate(1) == {'sds/mAPr_50': pytest.approx(value), 'sds/mAPr_70': pytest.approx(value)}
    assert cfg.default_hooks.checkpoint.save_best in ('sds/mAPr_50', )

"""Uncertainty maps of Bayesian SegNet through ``mmseg-plugins predict``."""

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from tiny_segnet import TINY, segmentor, segnet_parts

from mmseg_plugins.cli.main import main

CLASSES = ('a', 'b', 'c', 'd', 'e')


@pytest.fixture(autouse=True)
def _mmseg_scope():
    with DefaultScope.overwrite_default_scope('mmseg'):
        yield


def write_config(path, parts, kind='EncoderDecoder', **test_cfg):
    """A config with a tiny model and a pipeline, as far as tools ask for one."""
    backbone, head = parts
    pipeline = [dict(type='LoadImageFromFile'), dict(type='LoadAnnotations'), dict(type='PackSegInputs')]
    loader = dict(batch_size=1, num_workers=0, dataset=dict(
        type='mmseg_plugins.CamVidDataset', metainfo=dict(classes=CLASSES), pipeline=pipeline))
    Config(dict(
        default_scope='mmseg', custom_imports=dict(imports=['mmseg_plugins']), test_dataloader=loader,
        model=dict(type=kind, backbone=backbone, decode_head=head, test_cfg=dict(mode='whole', **test_cfg),
                   data_preprocessor=dict(type='SegDataPreProcessor', size_divisor=1)))).dump(path)
    return path


def test_infer_writes_uncertainty_maps_of_a_model_that_samples(tmp_path):
    parts = segnet_parts(TINY, 5, net=dict(dropout_stages=(3, 4, 5)), dropout_blocks=(5, 4, 3))
    kind = 'mmseg_plugins.BayesianEncoderDecoder'
    config = write_config(tmp_path / 'config.py', parts, kind, samples=0)
    torch.manual_seed(0)
    model = segmentor(parts, kind)
    model.init_weights()
    torch.save(dict(state_dict=model.state_dict()), tmp_path / 'weights.pth')
    image = np.random.RandomState(0).randint(0, 256, (40, 56, 3), np.uint8)
    cv2.imwrite(str(tmp_path / 'street.png'), image)
    arguments = ['predict', *map(str, (config, tmp_path / 'weights.pth', tmp_path / 'street.png')), '--out-dir']
    assert main([*arguments, str(tmp_path / 'once')]) == 0
    assert not (tmp_path / 'once/uncertainty').exists()
    assert main([*arguments, str(tmp_path / 'often'), '--cfg-options', 'model.test_cfg.samples=3']) == 0
    found = cv2.imread(str(tmp_path / 'often/uncertainty/street.png'), cv2.IMREAD_UNCHANGED)
    assert found.shape == (40, 56)
    assert found.dtype == np.uint8
    assert found.max() > 0

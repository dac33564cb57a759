"""Uncertainty maps of Bayesian SegNet through tools/infer.py."""

import importlib.util
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from tiny_segnet import TINY, segmentor, segnet_parts

TOOLS = Path(__file__).parents[2] / 'tools'
CLASSES = ('a', 'b', 'c', 'd', 'e')


@pytest.fixture(autouse=True)
def _mmseg_scope():
    with DefaultScope.overwrite_default_scope('mmseg'):
        yield


def run(monkeypatch, tool, *args):
    """Run a tool in this process, as ``python tools/<tool> <args>`` would."""
    path = TOOLS / tool
    monkeypatch.setattr(sys, 'argv', [str(path), *map(str, args)])
    monkeypatch.syspath_prepend(str(path.parent))
    spec = importlib.util.spec_from_file_location('__main__', path)
    spec.loader.exec_module(importlib.util.module_from_spec(spec))


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


def test_infer_writes_uncertainty_maps_of_a_model_that_samples(tmp_path, monkeypatch):
    parts = segnet_parts(TINY, 5, net=dict(dropout_stages=(3, 4, 5)), dropout_blocks=(5, 4, 3))
    kind = 'mmseg_plugins.BayesianEncoderDecoder'
    config = write_config(tmp_path / 'config.py', parts, kind, samples=0)
    torch.manual_seed(0)
    model = segmentor(parts, kind)
    model.init_weights()
    torch.save(dict(state_dict=model.state_dict()), tmp_path / 'weights.pth')
    image = np.random.RandomState(0).randint(0, 256, (40, 56, 3), np.uint8)
    cv2.imwrite(str(tmp_path / 'street.png'), image)
    arguments = [config, tmp_path / 'weights.pth', tmp_path / 'street.png', '--out']
    with pytest.raises(SystemExit) as done:
        run(monkeypatch, 'infer.py', *arguments, tmp_path / 'once')
    assert done.value.code == 0
    assert not (tmp_path / 'once/uncertainty').exists()
    with pytest.raises(SystemExit) as done:
        run(monkeypatch, 'infer.py', *arguments, tmp_path / 'often', '--cfg-options', 'model.test_cfg.samples=3')
    assert done.value.code == 0
    found = cv2.imread(str(tmp_path / 'often/uncertainty/street.png'), cv2.IMREAD_UNCHANGED)
    assert found.shape == (40, 56)
    assert found.dtype == np.uint8
    assert found.max() > 0

"""The converters of SegNet's and DeconvNet's weights as commands, and uncertainty maps through tools/infer.py."""

import importlib.util
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from golden_cases import golden_state_dict
from mmengine.config import Config
from mmengine.registry import DefaultScope
from official_segnet import deconvnet_params, segnet_params
from tiny_segnet import TINY, deconvnet_parts, segmentor, segnet_parts

from mmseg_plugins.weights.vgg16_encoder import PLAIN

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


@pytest.mark.parametrize(('tool', 'params', 'parts', 'key', 'name', 'official_name'), [
    ('segnet_meetps.py', segnet_params(TINY, 5), segnet_parts(last_norm_act=True), 'model_state',
     'decode_head.classifier.0.conv.bias', 'up1.conv2.cbr_unit.0.bias'),
    ('deconvnet_official.py', deconvnet_params(TINY, 12, 5, 1), deconvnet_parts(), 'state_dict',
     'decode_head.classifier.bias', 'deconv1.6.bias')])
def test_released_names_are_written_or_refused(tool, params, parts, key, name, official_name, tmp_path, monkeypatch):
    config = write_config(tmp_path / 'config.py', parts)
    official = golden_state_dict(params, seed=1, gain=2.0)
    torch.save({key: official}, tmp_path / 'official.pth')
    tool = f'model_converters/{tool}'
    run(monkeypatch, tool, tmp_path / 'official.pth', tmp_path / 'new/ours.pth', '--config', config)
    written = torch.load(tmp_path / 'new/ours.pth', weights_only=True)['state_dict']
    assert torch.equal(written[name], official[official_name])
    del official[official_name]
    torch.save({key: official}, tmp_path / 'less.pth')
    with pytest.raises(SystemExit, match=name):
        run(monkeypatch, tool, tmp_path / 'less.pth', tmp_path / 'x.pth', '--config', config)
    assert not (tmp_path / 'x.pth').exists()


def test_torchvisions_vgg16_becomes_segnets_first_weights(tmp_path, monkeypatch):
    shapes, channels = {}, 3
    widths = iter([64] * 2 + [128] * 2 + [256] * 3 + [512] * 6)
    for place in PLAIN:
        width = next(widths)
        shapes[f'features.{place}.weight'], shapes[f'features.{place}.bias'] = (width, channels, 3, 3), (width, )
        channels = width
    source = {key: torch.randn(shape) for key, shape in shapes.items()}
    torch.save(source, tmp_path / 'vgg16.pth')
    tool = 'model_converters/vgg16_encoder.py'
    run(monkeypatch, tool, tmp_path / 'vgg16.pth', tmp_path / 'encoder.pth')
    with torch.device('meta'):
        model = segmentor(segnet_parts((64, 128, 256, 512, 512)))
    net = model.backbone.net.to_empty(device='cpu')
    net.init_cfg = dict(type='Pretrained', checkpoint=str(tmp_path / 'encoder.pth'))
    net.init_weights()  # as a config does it
    assert torch.equal(net.features[0].weight[:, 0], source['features.0.weight'][:, 2] / 57.375)
    assert torch.equal(net.features[40].weight, source['features.28.weight'])
    run(monkeypatch, tool, tmp_path / 'vgg16.pth', tmp_path / 'rgb.pth', '--normalised')
    kept = torch.load(tmp_path / 'rgb.pth', weights_only=True)['state_dict']
    assert torch.equal(kept['features.0.weight'], source['features.0.weight'])
    with pytest.raises(SystemExit, match=r'fc\.0\.conv\.weight'):
        run(monkeypatch, tool, tmp_path / 'vgg16.pth', tmp_path / 'x.pth', '--fc')


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

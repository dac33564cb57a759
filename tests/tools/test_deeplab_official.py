"""DeepLab's converters as commands, on models cut down by a config that inherits the published one."""

import runpy
import sys
from pathlib import Path

import pytest
import torch
from golden_cases import golden_state_dict
from slow_deeplab import TRUNK, largefov_params, resnet_params

ROOT = Path(__file__).parents[2]
CONFIGS = ROOT / 'configs/deeplab'
BLOCKS, WIDTH = (3, 4, 6, 3), 2


@pytest.fixture
def run(monkeypatch):
    """Run a tool as ``python tools/model_converters/<tool>`` does, in this process; SystemExit if it refuses."""

    def tool(name, *args):
        path = str(ROOT / 'tools/model_converters' / name)
        monkeypatch.setattr(sys, 'argv', [path, *map(str, args)])
        runpy.run_path(path, run_name='__main__')

    return tool


@pytest.fixture
def v1_config(tmp_path):
    text = f"_base_ = ['{CONFIGS}/deeplabv1_vgg16-msc-largefov_6k-crop321_voc.py']\n" \
           'model = dict(backbone=dict(net=dict(base_channels=2)), decode_head=dict(fc_channels=5,' \
           ' in_channels=[3, 2, 4, 8, 16, 16]))\n'
    (tmp_path / 'msc.py').write_text(text)
    text = f"_base_ = ['{CONFIGS}/deeplabv1_vgg16-largefov_6k-crop321_voc.py']\n" \
           'model = dict(backbone=dict(base_channels=2), decode_head=dict(fc_channels=5, in_channels=16))\n'
    (tmp_path / 'v1.py').write_text(text)
    return tmp_path / 'v1.py'


@pytest.fixture
def v2_config(tmp_path):
    text = f"_base_ = ['{CONFIGS}/deeplabv2_r101-msc_20k-crop321_voc.py']\n" \
           f'model = dict(backbone=dict(depth=50, base_channels={WIDTH}), decode_head=dict(in_channels={WIDTH * 32}))\n'
    (tmp_path / 'v2.py').write_text(text)
    return tmp_path / 'v2.py'


def test_v1_writes_a_whole_model(run, tmp_path, v1_config):
    weights = golden_state_dict(largefov_params(2, 5, 21), seed=1, gain=1.0)
    torch.save(weights, tmp_path / 'port.pth')
    run('deeplabv1_official.py', tmp_path / 'port.pth', tmp_path / 'ours.pth', '--config', v1_config)
    written = torch.load(tmp_path / 'ours.pth', weights_only=True)
    assert len(written['meta']['dataset_meta']['classes']) == 21
    assert torch.equal(written['state_dict']['decode_head.fc8.0.bias'], weights['features.38.bias'])


@pytest.mark.parametrize('config', ['v1.py', 'msc.py'])
def test_vgg16_becomes_the_start_of_v1(run, tmp_path, v1_config, config):
    numbers = {number for stage in TRUNK for number in stage}
    shapes = {name: shape for name, shape in largefov_params(2, 5).items() if int(name.split('.')[1]) in numbers}
    for i, shape in ((0, (12, 16 * 49)), (3, (12, 12)), (6, (1000, 12))):
        shapes |= {f'classifier.{i}.weight': shape, f'classifier.{i}.bias': shape[:1]}
    torch.save(golden_state_dict(shapes, seed=1, gain=1.0), tmp_path / 'vgg16.pth')
    run('vgg16_deeplab.py', tmp_path / 'vgg16.pth', tmp_path / 'start.pth', '--config', tmp_path / config)
    written = torch.load(tmp_path / 'start.pth', weights_only=True)['state_dict']
    trunk = 'backbone.net' if config == 'msc.py' else 'backbone'
    assert tuple(written[f'{trunk}.features.28.weight'].shape) == (16, 16, 3, 3)
    assert tuple(written['decode_head.fc6.0.conv.weight'].shape) == (5, 16, 3, 3)


def test_v2_writes_a_whole_model_or_a_start_and_refuses_half_of_one(run, tmp_path, v2_config):
    weights = golden_state_dict(resnet_params(BLOCKS, WIDTH, 21), seed=1, gain=1.0)
    torch.save(weights, tmp_path / 'official.pth')
    for flags, last in (([], True), (['--backbone-only'], False)):
        target = tmp_path / f'new/{last}.pth'
        run('deeplabv2_official.py', tmp_path / 'official.pth', target, '--config', v2_config, *flags)
        written = torch.load(target, weights_only=True)
        assert ('decode_head.branches.3.bias' in written['state_dict']) == last
        assert ('dataset_meta' in written['meta']) == last
    half = {name: value for name, value in weights.items() if 'layer5' not in name}
    torch.save(half, tmp_path / 'half.pth')
    with pytest.raises(SystemExit, match=r'backbone\.layer4\.0\.conv1\.weight'):
        run('deeplabv2_official.py', tmp_path / 'half.pth', tmp_path / 'x.pth', '--config', v2_config)
    assert not (tmp_path / 'x.pth').exists()


def test_a_file_that_is_no_state_dict_is_refused(run, tmp_path, v1_config):
    torch.save([1], tmp_path / 'list.pth')
    with pytest.raises(SystemExit, match='is a state dict, found list'):
        run('deeplabv1_official.py', tmp_path / 'list.pth', tmp_path / 'x.pth', '--config', v1_config)

"""The converters of FCN, VGG-16 and LinkNet as commands: what they write.

Weights are single numbers expanded to the published shapes, so that files of 500 MB take a few kB.
"""

import subprocess
import sys
from pathlib import Path

import torch
from official_fcn import official_params as fcn_params
from official_linknet import official_params as linknet_params

ROOT = Path(__file__).parents[2]


def run(tool, *args):
    command = [sys.executable, '-W', 'ignore', str(ROOT / f'tools/model_converters/{tool}.py'), *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, timeout=600, cwd=ROOT)


def numbered(params):
    return {name: torch.full((), float(number)).expand(shape) for number, (name, shape) in enumerate(params.items())}


def written(path):
    return torch.load(path, weights_only=True)


def test_fcn_8s_under_caffes_names(tmp_path):
    official = numbered(fcn_params(8, num_classes=21))
    torch.save(official, tmp_path / 'fcn8s_from_caffe.pth')
    result = run('fcn_official', tmp_path / 'fcn8s_from_caffe.pth', tmp_path / 'ours.pth')
    assert result.returncode == 0, result.stderr
    ours = written(tmp_path / 'ours.pth')
    assert ours['meta']['dataset_meta']['classes'][:2] == ('background', 'aeroplane')
    assert ours['state_dict']['backbone.net.features.28.weight'][0, 0, 0, 0] == official['conv5_3.weight'][0, 0, 0, 0]


def test_vgg16_under_caffes_names(tmp_path):
    params = {name: shape for name, shape in fcn_params(32).items() if name.startswith('conv')}
    params |= {'fc6.weight': (4096, 25088), 'fc6.bias': (4096, ), 'fc7.weight': (4096, 4096), 'fc7.bias': (4096, ),
               'fc8.weight': (1000, 4096), 'fc8.bias': (1000, )}
    torch.save(numbered(params), tmp_path / 'vgg.pth')
    result = run('vgg16_fc', tmp_path / 'vgg.pth', tmp_path / 'fc.pth')
    assert result.returncode == 0, result.stderr
    assert 'left out, ImageNet\'s classes: fc8.weight, fc8.bias' in result.stdout
    assert written(tmp_path / 'fc.pth')['state_dict']['fc6.weight'].shape == (4096, 512, 7, 7)


def test_linknet(tmp_path):
    official = {f'module.{name}': value for name, value in numbered(linknet_params(19, torchvision=True)).items()}
    torch.save({'state_dict': official, 'epoch': 3}, tmp_path / 'model_best.pth')
    result = run('linknet_official', tmp_path / 'model_best.pth', tmp_path / 'ours.pth')
    assert result.returncode == 0, result.stderr
    ours = written(tmp_path / 'ours.pth')
    assert ours['meta']['dataset_meta']['classes'][0] == 'road'
    assert ours['state_dict']['decode_head.tp_conv2.bias'][0] == official['module.tp_conv2.bias'][0]

"""tools/model_converters/fcis_official.py: what it writes and what it refuses."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from official_fcis import chainer_params, mxnet_params, official_weights, write_params

ROOT = Path(__file__).parents[2]
TOOL = ROOT / 'tools/model_converters/fcis_official.py'
SMALL = {2: 3, 3: 4, 4: 6, 5: 3}


@pytest.fixture
def run(monkeypatch):
    """Run the tool's ``main`` in this process, without its seconds of imports."""
    spec = importlib.util.spec_from_file_location('fcis_official_tool', TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def call(*args):
        monkeypatch.setattr(sys, 'argv', [TOOL.name, *map(str, args)])
        module.main()

    return call


def empty(params):
    return {name: np.zeros(shape, np.float32) for name, shape in params.items()}


def test_writes_a_checkpoint_from_mxnets_file(tmp_path):
    source, target = tmp_path / 'e2e-0021.params', tmp_path / 'new' / 'ours.pth'
    tensors = {name: tensor.numpy() for name, tensor in official_weights(mxnet_params(9, 20)).items()}
    write_params(source, tensors, version=1)
    command = [sys.executable, '-W', 'ignore', str(TOOL), str(source), str(target)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=ROOT)
    assert result.returncode == 0, result.stderr
    assert 'fcis_r101-dc5-random_4xb1-62k_sbd.py' in result.stdout
    assert 'left out by rule (copies for the demo, counters): 2: arg:fcis_bbox_weight_test' in result.stdout
    written = torch.load(target, weights_only=True)
    assert written['meta']['dataset_meta']['classes'][-1] == 'tvmonitor'
    bias = tensors['arg:rpn_cls_score_bias']
    np.testing.assert_array_equal(written['state_dict']['rpn_head.rpn_cls.bias'], bias[9:] - bias[:9])


def test_writes_a_checkpoint_from_chainercvs_file(tmp_path, run, capsys):
    source, target = tmp_path / 'fcis.npz', tmp_path / 'ours.pth'
    np.savez(source, **empty(chainer_params(12, 80)))
    run(source, target)
    assert 'fcis_r101-dc5-random-chainercv_8xb1-264k_coco.py' in capsys.readouterr().out
    assert len(torch.load(target, weights_only=True)['meta']['dataset_meta']['classes']) == 80


def incomplete(kind, tmp_path):
    """(arguments before the target, text) of a source that must be refused."""
    params = mxnet_params(9, 20, SMALL)
    source, options = tmp_path / 'a.params', []
    if kind == 'missing':
        write_params(source, empty({name: shape for name, shape in params.items() if 'res5b' not in name}))
    elif kind == 'unknown':
        write_params(source, empty({**params, 'arg:conv_new_2_weight': (1, )}))
    elif kind == 'classes':
        write_params(source, empty({'arg:fcis_cls_seg_bias': (49 * 2 * 8, )}))
    elif kind == 'convention':
        write_params(source, empty(params))
        options = ['--config', ROOT / 'configs/fcis/fcis_r101-dc5-random-chainercv_1xb1-236k_sbd.py']
    elif kind == 'damaged':
        write_params(source, empty({'arg:a': (5, )}))
        source.write_bytes(source.read_bytes()[:-4])
    else:
        source = tmp_path / 'a.npz'
        np.savez(source, a=np.array([{}], object))
    return [source, *options]


@pytest.mark.parametrize(('kind', 'texts'), [
    ('missing', ['missing from the checkpoint', 'backbone.layer4.1.conv1.weight', 'backbone.layer3.22.bn3.weight']),
    ('unknown', ['keys that no rule knows (1)', 'conv_new_2_weight']),
    ('classes', ['weights of msracver for 7 classes', '--config']),
    ('convention', ['weights of msracver, but', "roi_head.convention = 'chainercv'"]),
    ('damaged', ['bytes expected', 'nothing was written']),
    ('objects', ['cannot be read as a .npz of plain arrays']),
])
def test_refuses_what_does_not_fit(kind, texts, tmp_path, run):
    source, *options = incomplete(kind, tmp_path)
    with pytest.raises(SystemExit) as stop:
        run(source, tmp_path / 'ours.pth', *options)
    assert not (tmp_path / 'ours.pth').exists()
    for text in texts:
        assert text in stop.value.code

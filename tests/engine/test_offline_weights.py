"""Initial weights without a network: a local file, safetensors, and what torchvision's cache holds."""

import json

import pytest
import torch
from mmengine.model import BaseModule
from torch import nn

from mmseg_plugins.engine.checkpoint import loaders
from mmseg_plugins.engine.checkpoint.safe_load import CorruptCheckpointError, load_checkpoint_file

TENSORS = {
    'layer.weight': torch.arange(6.0).reshape(2, 3), 'layer.bias': torch.tensor([1.5, -2.0]),
    'half': torch.tensor([0.25, -8.0], dtype=torch.bfloat16), 'flag': torch.tensor([True, False, True]),
    'count': torch.tensor(7), 'none': torch.empty(0, 4)}  # fmt: skip
NAMES = {torch.float32: 'F32', torch.bfloat16: 'BF16', torch.bool: 'BOOL', torch.int64: 'I64'}


def written(path, tensors, **changes):
    """A file as the format's page describes it; ``changes`` spoil the header's entry of layer.bias."""
    header, data = {'__metadata__': {'format': 'pt'}}, b''
    for name, tensor in tensors.items():
        numbers = bytes(tensor.contiguous().view(torch.uint8).flatten().tolist()) if tensor.dim() else bytes(
            tensor[None].view(torch.uint8).tolist())
        header[name] = dict(dtype=NAMES[tensor.dtype], shape=list(tensor.shape),
                            data_offsets=[len(data), len(data) + len(numbers)])
        data += numbers
    header['layer.bias'].update(changes)
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, 'little') + text + data)
    return path


def test_safetensors_are_read_without_their_package(tmp_path):
    read = load_checkpoint_file(written(tmp_path / 'a.safetensors', TENSORS))
    assert list(read) == list(TENSORS)
    assert all(torch.equal(read[name], tensor) and read[name].dtype == tensor.dtype for name, tensor in TENSORS.items())


@pytest.mark.parametrize('changes', [
    dict(shape=[3]), dict(dtype='F8'), dict(data_offsets=[24, 3000]), dict(data_offsets=None), dict(shape=None)])
def test_a_header_that_does_not_describe_its_tensors_is_refused(tmp_path, changes):
    with pytest.raises(CorruptCheckpointError, match=r'a\.safetensors cannot be read as safetensors.*Fix'):
        load_checkpoint_file(written(tmp_path / 'a.safetensors', TENSORS, **changes))


@pytest.mark.parametrize('length', [1, 7, 30, 200])
def test_a_file_that_is_cut_short_is_refused(tmp_path, length):
    path = written(tmp_path / 'a.safetensors', TENSORS)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(CorruptCheckpointError):
        load_checkpoint_file(path)


class Layer(BaseModule):
    def __init__(self, checkpoint):
        super().__init__(dict(type='Pretrained', checkpoint=checkpoint))
        self.layer = nn.Linear(3, 2)


@pytest.fixture
def offline(monkeypatch, tmp_path):
    """torch's cache in a folder of the test, and no network."""
    loaders.install()

    def refuse(url, *args, **kwargs):
        raise OSError('no network')

    monkeypatch.setattr(torch.hub, 'download_url_to_file', refuse)
    monkeypatch.setenv('TORCH_HOME', str(tmp_path))
    (tmp_path / 'hub/checkpoints').mkdir(parents=True)
    return tmp_path / 'hub/checkpoints'


def test_a_module_starts_from_safetensors(offline, tmp_path):
    layer = {name: tensor for name, tensor in TENSORS.items() if name.startswith('layer')}
    module = Layer(str(written(tmp_path / 'a.safetensors', layer)))
    module.init_weights()
    assert torch.equal(module.layer.weight, TENSORS['layer.weight'])


def test_a_file_in_torchs_cache_needs_no_network(offline, monkeypatch):
    monkeypatch.setattr(loaders.mm, 'get_torchvision_models', lambda: {'resnet18': 'https://host/resnet18-f37072fd.pth'})
    torch.save({'layer.weight': torch.ones(2, 3), 'layer.bias': torch.ones(2)}, offline / 'resnet18-f37072fd.pth')
    module = Layer('torchvision://resnet18')
    module.init_weights()
    assert torch.equal(module.layer.weight, torch.ones(2, 3))


def test_a_file_that_is_not_in_the_cache_is_named_with_its_place(offline, monkeypatch):
    monkeypatch.setattr(loaders.mm, 'get_torchvision_models', lambda: {'resnet18': 'https://host/resnet18-f37072fd.pth'})
    with pytest.raises(ValueError, match=rf'no network.*Fix: .*put it at {offline}/resnet18-f37072fd\.pth'):
        Layer('torchvision://resnet18').init_weights()

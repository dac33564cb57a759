"""TimmBackbone's contract with timm, on a small module in its place; ``tests/with_timm`` asks the real one."""

import sys
import types

import pytest
import torch
from mmengine.registry import MODELS
from torch import nn

from mmseg_plugins.models.backbones import TimmBackbone
from mmseg_plugins.utils.errors import UserError


class Net(nn.Module):
    """Maps of strides 2 and 4; ``layout`` as timm says it."""

    def __init__(self, in_chans, out_indices, layout):
        super().__init__()
        self.first, self.norm = nn.Conv2d(in_chans, 4, 3, 2, 1), nn.BatchNorm2d(4)
        self.second = nn.Conv2d(4, 6, 3, 2, 1)
        self.out_indices, self.output_fmt = out_indices, layout
        pick = lambda values: [values[i] for i in out_indices]  # noqa: E731
        self.feature_info = types.SimpleNamespace(channels=lambda: pick([4, 6]), reduction=lambda: pick([2, 4]))

    def forward(self, x):
        first = self.norm(self.first(x))
        maps = [first, self.second(first)]
        maps = [maps[i] for i in self.out_indices]
        return [x.permute(0, 2, 3, 1) for x in maps] if self.output_fmt == 'NHWC' else maps


class FakeTimm(types.ModuleType):
    """``timm`` with one network, which keeps what it was asked for."""

    __version__ = '0'

    def __init__(self):
        super().__init__('timm')
        self.asked = []

    def is_model(self, name):
        return name.partition('.')[0] in ('tiny', 'tiny_last')

    def list_models(self):
        return ['tiny', 'tiny_last']

    def create_model(self, name, *, features_only, pretrained, in_chans, out_indices=(0, 1),
                     pretrained_cfg_overlay=None, **options):
        self.asked.append(dict(features_only=features_only, pretrained=pretrained, **options))
        if 'unknown' in options:
            raise TypeError("unexpected keyword argument 'unknown'")
        net = Net(in_chans, out_indices, 'NHWC' if name == 'tiny_last' else 'NCHW')
        if pretrained:
            if pretrained_cfg_overlay is None:
                raise OSError("We couldn't connect\nto the hub")
            net.load_state_dict(pretrained_cfg_overlay['state_dict'], strict=True)
        return net


@pytest.fixture
def timm(monkeypatch):
    module = FakeTimm()
    monkeypatch.setitem(sys.modules, 'timm', module)
    return module


def test_it_gives_the_maps_of_features_only(timm):
    net = MODELS.build(dict(type='mmseg_plugins.TimmBackbone', model='tiny.tag', in_channels=5, output_stride=8,
                            options=dict(drop_path_rate=0.1)))
    net.init_weights()
    assert timm.asked == [dict(features_only=True, pretrained=False, output_stride=8, drop_path_rate=0.1)]
    assert (net.channels, net.strides) == ((4, 6), (2, 4))
    assert [tuple(x.shape) for x in net(torch.zeros(2, 5, 16, 8))] == [(2, 4, 8, 4), (2, 6, 4, 2)]


@pytest.mark.parametrize('name', ['tiny', 'tiny_last'])
def test_channels_come_first_whatever_the_network_does(timm, name):
    net = TimmBackbone(name, out_indices=[1])
    assert (net.channels, net.strides) == ((6, ), (4, ))
    assert [tuple(x.shape) for x in net(torch.zeros(2, 3, 16, 8))] == [(2, 6, 4, 2)]


def test_norms_keep_their_statistics(timm):
    net = TimmBackbone('tiny', norm_eval=True).train()
    assert (net.training, net.net.norm.training) == (True, False)
    assert TimmBackbone('tiny').train().net.norm.training


@pytest.mark.parametrize('key', ['', 'state_dict', 'model'])
def test_a_local_file_is_read_when_weights_are_initialized(timm, tmp_path, key):
    source = Net(3, (0, 1), 'NCHW')
    torch.save({key: source.state_dict()} if key else source.state_dict(), tmp_path / 'tiny.pth')
    net = TimmBackbone('tiny', pretrained=str(tmp_path / 'tiny.pth'))
    assert not torch.equal(net.net.first.weight, source.first.weight)
    net.init_weights()
    read = net.net.state_dict()
    assert all(torch.equal(read[name], value) for name, value in source.state_dict().items())


def test_init_cfg_reads_a_checkpoint_of_this_module(timm, tmp_path):
    source = TimmBackbone('tiny')
    torch.save(dict(state_dict=source.state_dict()), tmp_path / 'own.pth')
    net = TimmBackbone('tiny', init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'own.pth')))
    net.init_weights()
    assert torch.equal(net.net.second.weight, source.net.second.weight)


def test_without_the_hub_a_run_stops_with_one_line(timm):
    net = TimmBackbone('tiny', pretrained=True)  # built without asking for weights
    assert not timm.asked[-1]['pretrained']
    with pytest.raises(UserError, match=r"weights of tiny cannot be had: OSError: We couldn't connect to the hub.*Fix: "
                                        r'give a local file as pretrained=FILE') as caught:
        net.init_weights()
    assert '\n' not in str(caught.value)


def test_a_file_of_another_network_is_refused(timm, tmp_path):
    torch.save({'first.weight': torch.zeros(1)}, tmp_path / 'other.pth')
    with pytest.raises(UserError, match='must hold the tensors of tiny under the names of timm'):
        TimmBackbone('tiny', pretrained=str(tmp_path / 'other.pth')).init_weights()
    with pytest.raises(UserError, match=r'nowhere\.pth. does not exist'):
        TimmBackbone('tiny', pretrained=str(tmp_path / 'nowhere.pth')).init_weights()


@pytest.mark.parametrize(('settings', 'words'), [
    (dict(model='tin'), r"timm 0 has no network 'tin'.*did you mean 'tiny'"),
    (dict(model='tiny', options=dict(unknown=1)), r"cannot be built with .*unknown.*Fix: correct out_indices"),
    (dict(model='tiny', pretrained=True, init_cfg=dict(type='Normal')), r'weights come from one place')])
def test_wrong_settings_are_named(timm, settings, words):
    with pytest.raises(UserError, match=words):
        TimmBackbone(**settings)


def test_without_timm_the_command_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, 'timm', None)
    with pytest.raises(UserError, match=r'resnet18 is a network of timm, which cannot.*Fix: pip install timm$'):
        TimmBackbone('resnet18')

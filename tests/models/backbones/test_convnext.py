"""ConvNeXt: the released layout, names and files."""

import pytest
import torch
import torch.nn.functional as F
from mmengine.runner import load_checkpoint

from mmseg_plugins.models.backbones import ConvNeXt

TINY = dict(arch=((1, 2, 1, 1), (8, 16, 24, 32)), layer_scale=0.5)
RELEASED_FEATURES = 28_589_128 - (768 * 1000 + 1000) - 2 * 768  # ConvNeXt-T without classifier and last norm


def test_tiny_has_as_many_parameters_as_the_released_one():
    with torch.device('meta'):
        net = ConvNeXt(arch='tiny', out_indices=(3, ))
    own = sum(p.numel() for p in net.norm3.parameters())
    assert sum(p.numel() for p in net.parameters()) - own == RELEASED_FEATURES


def slow_forward(weights, x, depths):
    """The paper's figure, written down from the names of the released tensors."""

    def norm(name, x):
        return F.layer_norm(x.movedim(1, -1), weights[f'{name}.weight'].shape, weights[f'{name}.weight'],
                            weights[f'{name}.bias'], 1e-6).movedim(-1, 1)

    def conv(name, x, **kwargs):
        return F.conv2d(x, weights[f'{name}.weight'], weights[f'{name}.bias'], **kwargs)

    outs = []
    for i, depth in enumerate(depths):
        name = f'downsample_layers.{i}'
        x = norm(f'{name}.1', conv(f'{name}.0', x, stride=4)) if i == 0 else conv(
            f'{name}.1', norm(f'{name}.0', x), stride=2)
        for j in range(depth):
            block = f'stages.{i}.{j}'
            y = norm(f'{block}.norm', conv(f'{block}.dwconv', x, padding=3, groups=x.size(1)))
            for linear in ('pwconv1', 'pwconv2'):
                y = torch.einsum('oi,bihw->bohw', weights[f'{block}.{linear}.weight'], y)
                y = y + weights[f'{block}.{linear}.bias'][:, None, None]
                y = F.gelu(y) if linear == 'pwconv1' else y
            x = x + weights[f'{block}.gamma'][:, None, None] * y
        outs.append(norm(f'norm{i}', x))
    return outs


@pytest.mark.parametrize('size', [(64, 64), (67, 93)])
def test_network_agrees_with_a_slow_transcription(size):
    torch.manual_seed(0)
    net = ConvNeXt(**TINY).double().eval()
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    x = torch.randn(2, 3, *size, dtype=torch.float64)
    with torch.no_grad():
        for got, want in zip(net(x), slow_forward(net.state_dict(), x, (1, 2, 1, 1)), strict=True):
            torch.testing.assert_close(got, want, rtol=1e-10, atol=1e-10)


def test_a_released_file_loads_but_for_its_classifier(tmp_path):
    source, target = ConvNeXt(**TINY), ConvNeXt(**TINY)
    source.init_weights()
    model = {key: value for key, value in source.state_dict().items() if not key.startswith('norm')}
    model.update({'norm.weight': torch.ones(32), 'norm.bias': torch.zeros(32), 'head.weight': torch.zeros(10, 32)})
    torch.save(dict(model=model), tmp_path / 'convnext.pth')
    load_checkpoint(target, str(tmp_path / 'convnext.pth'))
    assert all(torch.equal(target.state_dict()[key], model[key]) for key in model if key in target.state_dict())


def test_fewer_stages_leave_nothing_unused():
    net = ConvNeXt(**{**TINY, 'out_indices': (1, )}, drop_path_rate=0.0)
    net.init_weights()
    sum(out.sum() + out.square().sum() for out in net(torch.randn(1, 3, 32, 32))).backward()
    assert len(net.stages) == 2
    assert all(p.grad is not None for p in net.parameters())


@pytest.mark.parametrize(('kwargs', 'words'), [
    (dict(arch='huge'), ["arch='huge'", 'tiny']),
    (dict(arch=((1, 1), (8, 16)), out_indices=(2, )), ['out_indices=[2]', '[8, 16]']),
])
def test_bad_arguments_are_named(kwargs, words):
    with pytest.raises(ValueError) as error:
        ConvNeXt(**kwargs)
    assert all(word in str(error.value) for word in words), error.value

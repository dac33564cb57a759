"""ChannelsLastHook reorders what the named modules read, and nothing else."""

from types import SimpleNamespace

import pytest
import torch
from mmengine.model import BaseModel
from torch import nn

from mmseg_plugins.engine.hooks import ChannelsLastHook
from mmseg_plugins.registry import HOOKS
from mmseg_plugins.utils.errors import UserError


class Net(BaseModel):
    """A depthwise convolution as the backbone, one as the head; notes the layout of what each reads."""

    def __init__(self):
        super().__init__()
        self.backbone = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1, groups=4), nn.BatchNorm2d(4), nn.Conv2d(4, 6, 1))
        self.head = nn.Conv2d(6, 2, 1)
        self.layouts = []
        for module in (self.backbone, self.head):
            module.register_forward_pre_hook(lambda _, inputs: self.layouts.append(last(inputs[0])))

    def forward(self, inputs, data_samples=None, mode='tensor'):
        return self.head(self.backbone(inputs).contiguous())


def last(x):
    return x.is_contiguous(memory_format=torch.channels_last)


def started(model, **options):
    hook = HOOKS.build(dict(type='mmseg_plugins.ChannelsLastHook', **options))
    hook.before_run(SimpleNamespace(model=model))
    return hook


def gradients(model, x):
    model.zero_grad()
    out = model(x)
    out.square().sum().backward()
    return [out.detach(), *(p.grad.clone() for p in model.parameters())]


def test_backbone_reads_channels_last_with_equal_values_and_gradients():
    torch.manual_seed(0)
    model, x = Net(), torch.randn(2, 4, 7, 5)
    plain = gradients(model, x)
    strides = [p.stride() for p in model.parameters()]
    hook = started(model)
    model.layouts.clear()
    for one, other in zip(gradients(model, x), plain, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)
    # This test's own hook runs first, before the reordering of the backbone's input: look at its first layer.
    inner = []
    model.backbone[0].register_forward_pre_hook(lambda _, inputs: inner.append(last(inputs[0])))
    model(x)
    assert inner == [True]
    assert model.layouts[1::2] == [False, False]
    assert [p.stride() for p in model.parameters()] == strides
    hook.after_run(None)
    model(x)
    assert inner == [True, False]


def test_several_modules_and_inputs_of_other_dimensions():
    model, seen = Net(), []
    started(model, modules=['backbone', 'head'])
    model.head.register_forward_pre_hook(lambda _, inputs: seen.append(last(inputs[0])))
    model(torch.randn(2, 4, 7, 5))
    assert seen == [True]
    flat = nn.Sequential()
    flat.backbone = nn.Identity()
    started(flat, modules='backbone')
    x = torch.randn(4, 6)
    assert flat.backbone(x) is x


def test_unknown_module_is_refused_with_near_names():
    with pytest.raises(UserError, match=r"no module 'backbon' \(did you mean 'backbone' "):
        ChannelsLastHook(modules=['backbon']).before_run(SimpleNamespace(model=Net()))

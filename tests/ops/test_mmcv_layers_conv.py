"""mmcv's layers over the stand-in of ``mmcv._ext``: forward and backward give the values of the public functions."""

from __future__ import annotations

import sys
from collections.abc import Callable

import mmcv.ops
import pytest
import torch
import torch.nn.functional as F
from mmcv.ops.multi_scale_deform_attn import MultiScaleDeformableAttnFunction
from torch import Tensor, nn

from mmseg_plugins import ops
from mmseg_plugins.ops import mmcv_ext_conv

MODULES = ['carafe', 'deform_conv', 'masked_conv', 'modulated_deform_conv', 'multi_scale_deform_attn', 'psa_mask']


@pytest.fixture(autouse=True)
def _stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the wrappers call this package's functions, also where a compiled ``mmcv._ext`` is installed."""
    for module in MODULES:
        monkeypatch.setattr(sys.modules[f'mmcv.ops.{module}'], 'ext_module', mmcv_ext_conv)


def agree(theirs: Callable[..., Tensor], ours: Callable[..., Tensor], *sources: Tensor) -> None:
    """Values and all gradients of two functions of the sources."""
    leaves = [source.detach().requires_grad_() for source in sources]
    wanted, found = ours(*leaves), theirs(*leaves)
    torch.testing.assert_close(found, wanted)
    top = torch.randn_like(wanted)
    torch.testing.assert_close(torch.autograd.grad(found, leaves, top), torch.autograd.grad(wanted, leaves, top))


def randomized(layer: nn.Module) -> nn.Module:
    """Weights that no initialization makes: offsets and masks of a packed layer start as constants."""
    for parameter in layer.parameters():
        nn.init.normal_(parameter, std=0.3)
    return layer


@pytest.mark.parametrize('groups', [1, 2])
def test_deform_conv(groups: int) -> None:
    layer = mmcv.ops.DeformConv2d(4, 6, 3, stride=2, padding=1, groups=groups, deform_groups=2)
    agree(lambda x, o, w: mmcv.ops.deform_conv2d(x, o, w, 2, 1, 1, groups, 2),
          lambda x, o, w: ops.deform_conv2d(x, o, w, 2, 1, 1, groups, 2),
          torch.randn(2, 4, 7, 6), torch.randn(2, 36, 4, 3), layer.weight)


def test_deform_conv_of_a_map_smaller_than_its_kernel() -> None:
    layer = mmcv.ops.DeformConv2d(4, 6, 3, padding=1)
    x, offset = torch.randn(2, 4, 2, 1), torch.randn(2, 18, 2, 1)
    torch.testing.assert_close(layer(x, offset), ops.deform_conv2d(x, offset, layer.weight, padding=1))


@pytest.mark.parametrize('bias', [True, False])
def test_modulated_deform_conv_pack(bias: bool) -> None:
    layer = randomized(mmcv.ops.ModulatedDeformConv2dPack(4, 6, 3, padding=2, dilation=2, bias=bias))
    x = torch.randn(2, 4, 5, 6, requires_grad=True)
    rows, columns, mask = layer.conv_offset(x).chunk(3, 1)
    wanted = ops.modulated_deform_conv2d(x, torch.cat([rows, columns], 1), mask.sigmoid(), layer.weight, layer.bias,
                                         padding=2, dilation=2)
    found = layer(x)
    torch.testing.assert_close(found, wanted)
    leaves, top = [x, *layer.parameters()], torch.randn_like(found)
    torch.testing.assert_close(torch.autograd.grad(found, leaves, top), torch.autograd.grad(wanted, leaves, top))


def test_registered_deformable_layers_are_built_by_name() -> None:
    for name in ('DCN', 'DCNv2'):
        layer = randomized(mmcv.cnn.build_conv_layer(dict(type=name), 4, 6, 3, padding=1))
        layer(torch.randn(1, 4, 5, 5)).sum().backward()
        assert all(parameter.grad is not None for parameter in layer.parameters())


def test_deformable_attention_of_accelerators() -> None:
    """The function that mmcv's layer calls on a GPU; on a CPU the layer has PyTorch code of its own."""
    shapes = torch.tensor([[4, 5], [2, 3]])
    starts = torch.tensor([0, 20])
    apply = MultiScaleDeformableAttnFunction.apply
    agree(lambda v, where, a: apply(v, shapes, starts, where, a, 64),
          lambda v, where, a: ops.ms_deform_attn(v, shapes, starts, where, a),
          torch.randn(2, 26, 2, 4), torch.rand(2, 3, 2, 2, 4, 2), torch.rand(2, 3, 2, 2, 4))


def test_deformable_attention_layer() -> None:
    layer = randomized(mmcv.ops.MultiScaleDeformableAttention(8, num_heads=2, num_levels=2, batch_first=True))
    query, keys = torch.randn(2, 3, 8, requires_grad=True), torch.randn(2, 26, 8)
    out = layer(query, value=keys, reference_points=torch.rand(2, 3, 2, 2),
                spatial_shapes=torch.tensor([[4, 5], [2, 3]]), level_start_index=torch.tensor([0, 20]))
    out.sum().backward()
    assert out.shape == (2, 3, 8)
    assert all(parameter.grad is not None for parameter in layer.parameters())


@pytest.mark.parametrize(('kernel', 'groups', 'scale'), [(5, 1, 2), (3, 2, 3)])
def test_carafe(kernel: int, groups: int, scale: int) -> None:
    features, masks = torch.randn(2, 4, 3, 5), torch.rand(2, groups * kernel**2, 3 * scale, 5 * scale)
    agree(lambda f, m: mmcv.ops.carafe(f, m, kernel, groups, scale),
          lambda f, m: ops.carafe(f, m, kernel, groups, scale), features, masks)
    naive = mmcv.ops.carafe_naive(features, masks, kernel, groups, scale)
    torch.testing.assert_close(naive, ops.carafe(features, masks, kernel, groups, scale))


def test_gradients_of_the_naive_carafe() -> None:
    """mmcv's wrapper insists on CUDA in the backward pass; the function itself runs anywhere."""
    features, masks = torch.randn(2, 4, 3, 5), torch.rand(2, 9, 6, 10)
    leaves = [features.clone().requires_grad_(), masks.clone().requires_grad_()]
    top = torch.randn(2, 4, 6, 10)
    given = [torch.zeros_like(features), torch.zeros_like(masks)]
    mmcv_ext_conv.carafe_naive_backward(top, features, masks, *given, kernel_size=3, group_size=1, scale_factor=2)
    torch.testing.assert_close(tuple(given), torch.autograd.grad(ops.carafe(*leaves, 3, 1, 2), leaves, top))


def test_carafe_pack() -> None:
    layer = randomized(mmcv.ops.CARAFEPack(4, 2, compressed_channels=3))
    x = torch.randn(1, 4, 3, 5, requires_grad=True)
    out = layer(x)
    out.sum().backward()
    assert out.shape == (1, 4, 6, 10)
    assert all(parameter.grad is not None for parameter in layer.parameters())


@pytest.mark.parametrize('mode', ['collect', 'distribute'])
def test_psa_mask(mode: str) -> None:
    agree(mmcv.ops.PSAMask(mode, (5, 7)), lambda m: ops.psa_mask(m, mode, (5, 7)), torch.randn(2, 35, 3, 4))


def test_masked_conv() -> None:
    """The plain convolution at the chosen pixels; mmcv's has no gradient with a mask, and the plain one without."""
    layer = randomized(mmcv.ops.MaskedConv2d(3, 4, 3, padding=1))
    x, mask = torch.randn(1, 3, 5, 6), (torch.rand(1, 5, 6) > 0.5).float()
    plain = F.conv2d(x, layer.weight, layer.bias, padding=1)
    torch.testing.assert_close(layer(x, mask), plain * mask)
    assert layer(x, 0 * mask).eq(0).all()
    layer(x).sum().backward()
    assert layer.weight.grad is not None


def test_parameters_are_accumulated_as_the_bindings_do() -> None:
    x, offset, weight = torch.randn(2, 4, 5, 5), torch.randn(2, 18, 3, 3), torch.randn(6, 4, 3, 3)
    top = torch.randn(2, 6, 3, 3)
    wanted = torch.autograd.grad(ops.deform_conv2d(x, offset, weight.requires_grad_()), weight, top)[0]
    given, none = torch.ones_like(weight), torch.empty(0)
    mmcv_ext_conv.deform_conv_backward_parameters(
        x, offset, top, given, none, none, kW=3, kH=3, dW=1, dH=1, padW=0, padH=0, dilationW=1, dilationH=1, group=1,
        deformable_group=1, scale=0.5, im2col_step=2)
    torch.testing.assert_close(given, 1 + 0.5 * wanted)

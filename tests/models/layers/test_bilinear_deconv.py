"""Deconvolutions with the bilinear kernel: its values, what they do, what is trained."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mmseg_plugins.models.layers import BilinearDeconv2d, bilinear_fill_, bilinear_kernel


@pytest.mark.parametrize('size', [1, 3, 4, 16, 63, 64])
def test_kernel_is_the_published_formula(size):
    factor = (size + 1) // 2
    center = factor - 1 if size % 2 else factor - 0.5
    expected = [[(1 - abs(i - center) / factor) * (1 - abs(j - center) / factor) for j in range(size)]
                for i in range(size)]
    torch.testing.assert_close(bilinear_kernel(size), torch.tensor(expected, dtype=torch.float32))


@pytest.mark.parametrize('groups', [1, 3])
def test_inside_it_is_interpolation_and_at_the_border_it_fades(groups):
    layer = BilinearDeconv2d(3, 8, padding=4, groups=groups)
    x = torch.rand(2, 3, 5, 6) + 1
    out, interpolated = layer(x), F.interpolate(x, scale_factor=8, mode='bilinear', align_corners=False)
    assert out.shape == interpolated.shape
    torch.testing.assert_close(out[..., 4:-4, 4:-4], interpolated[..., 4:-4, 4:-4])
    assert (out[..., 0, :] < interpolated[..., 0, :]).all()


@pytest.mark.parametrize(('stride', 'kernel'), [(2, 4), (8, 16), (32, 64), (3, 5)])
def test_kernel_and_size_follow_from_the_stride(stride, kernel):
    layer = BilinearDeconv2d(2, stride)
    assert layer.kernel_size == (kernel, kernel)
    assert layer(torch.zeros(1, 2, 3, 4)).shape[2:] == (2 * stride + kernel, 3 * stride + kernel)
    assert BilinearDeconv2d(2, 32, kernel_size=63).kernel_size == (63, 63)  # FCN-AlexNet


def test_channels_do_not_mix():
    layer = BilinearDeconv2d(3, 2)
    x = torch.zeros(1, 3, 4, 4)
    x[:, 1] = 1
    out = layer(x)
    assert out[:, 1].abs().sum() > 0
    assert out[:, [0, 2]].abs().sum() == 0


@pytest.mark.parametrize('learned', [False, True])
def test_frozen_unless_asked(learned):
    layer = BilinearDeconv2d(2, 2, bias=True, learned=learned)
    assert {name: p.requires_grad for name, p in layer.named_parameters()} == {'weight': learned, 'bias': learned}
    assert not layer.bias.any()


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r'\(2, 3, 4, 4\).*\(C, C, k, k\)'):
        bilinear_fill_(nn.ConvTranspose2d(2, 3, 4).weight)
    with pytest.raises(ValueError, match='size=0'):
        bilinear_kernel(0)

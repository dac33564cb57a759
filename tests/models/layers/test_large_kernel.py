"""Large separable kernels, boundary refinement and the learned doubling against their definitions."""

import pytest
import torch
from torch.nn import functional as F

from mmseg_plugins.models.layers import BoundaryRefinement, DoublingDeconv, LargeKernelConv


@pytest.mark.parametrize('k', [3, 5, 7, 15, 25])
def test_branches_are_two_full_windows_of_rank_one(k):
    """Without biases, k x 1 then 1 x k is one k x k window for each pair of channels."""
    torch.manual_seed(k)
    block = LargeKernelConv(4, 3, k).double()
    for name, parameter in block.named_parameters():
        if name.endswith('bias'):
            parameter.data.zero_()
    x = torch.randn(1, 4, 6, 5, dtype=torch.float64)
    window = torch.einsum('mci,omj->ocij', block.left1.weight[..., 0], block.left2.weight[:, :, 0])
    window = window + torch.einsum('mcj,omi->ocij', block.right1.weight[:, :, 0], block.right2.weight[..., 0])
    torch.testing.assert_close(block(x), F.conv2d(x, window, padding=k // 2))


@pytest.mark.parametrize('k', [0, 4, 16])
def test_even_kernels_are_refused(k):
    with pytest.raises(ValueError, match=f'kernel_size={k}, it must be odd'):
        LargeKernelConv(4, 3, k)


def test_refinement_adds_a_residual():
    torch.manual_seed(0)
    block, x = BoundaryRefinement(3), torch.randn(2, 3, 5, 6)
    inner = F.conv2d(x, block.conv1.weight, block.conv1.bias, padding=1).clamp(min=0)
    torch.testing.assert_close(block(x), x + F.conv2d(inner, block.conv2.weight, block.conv2.bias, padding=1))
    for parameter in block.conv2.parameters():
        parameter.data.zero_()
    assert torch.equal(block(x), x)


@pytest.mark.parametrize('size', [(10, 12), (9, 12), (9, 11), (1, 2)])
def test_doubling_begins_as_bilinear_interpolation_and_is_cut(size):
    deconv = DoublingDeconv(3)
    x = torch.randn(2, 3, (size[0] + 1) // 2, (size[1] + 1) // 2)
    out = deconv(x, size)
    assert out.shape == (2, 3, *size)
    assert deconv.deconv.weight.requires_grad
    expected = F.interpolate(x, scale_factor=2, mode='bilinear', align_corners=False)[..., :size[0], :size[1]]
    inside = (..., slice(1, -1), slice(1, -1))  # at the border a deconvolution fades, interpolation repeats
    torch.testing.assert_close(out[inside], expected[inside])


def test_a_size_that_is_not_the_double_is_named():
    with pytest.raises(ValueError, match=r"5 x 6 cells is doubled to 10 x 12, but .*upsample_method='bilinear'"):
        DoublingDeconv(3)(torch.zeros(1, 3, 5, 6), (20, 24))

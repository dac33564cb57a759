"""The convolution-like functions of ``mmcv._ext``, by this package's operators.

Names, argument names and order are those of the bindings (mmcv 2.1.0 and onedl-mmcv 2.3.6,
``ops/csrc/pytorch/pybind.cpp``); the results are written to the given tensors.  What the bindings use as scratch space
(``columns``, ``ones``, the ``r...`` tensors) is left alone, but for ``rfeatures``: mmcv hands it to the backward
function in place of the features.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .carafe import carafe
from .deform_conv import Layout, check_shapes, deform_conv_gradients, deform_conv_values
from .masked_conv import masked_im2col
from .ms_deform_attn import ms_deform_attn
from .psa_mask import MODES, psa_mask, spread

__all__ = [
    'carafe_backward', 'carafe_forward', 'carafe_naive_backward', 'carafe_naive_forward',
    'deform_conv_backward_input', 'deform_conv_backward_parameters', 'deform_conv_forward', 'masked_col2im_forward',
    'masked_im2col_forward', 'modulated_deform_conv_backward', 'modulated_deform_conv_forward',
    'ms_deform_attn_backward', 'ms_deform_attn_forward', 'psamask_backward', 'psamask_forward'
]


def deform_conv_forward(input: Tensor, weight: Tensor, offset: Tensor, output: Tensor, columns: Tensor, ones: Tensor,
                        kW: int, kH: int, dW: int, dH: int, padW: int, padH: int, dilationW: int, dilationH: int,
                        group: int, deformable_group: int, im2col_step: int) -> None:
    """``output`` = the deformable convolution."""
    layout = Layout((kH, kW), (dH, dW), (padH, padW), (dilationH, dilationW), group, deformable_group, im2col_step)
    check_shapes((input, offset, None), weight, layout)
    output.copy_(deform_conv_values((input, offset, None), weight, layout))


def deform_conv_backward_input(input: Tensor, offset: Tensor, gradOutput: Tensor, gradInput: Tensor,
                               gradOffset: Tensor, weight: Tensor, columns: Tensor, kW: int, kH: int, dW: int, dH: int,
                               padW: int, padH: int, dilationW: int, dilationH: int, group: int,
                               deformable_group: int, im2col_step: int) -> None:
    """``gradInput`` += its gradient; ``gradOffset`` = its gradient."""
    layout = Layout((kH, kW), (dH, dW), (padH, padW), (dilationH, dilationW), group, deformable_group, im2col_step)
    to_input, to_offset, *_ = deform_conv_gradients(gradOutput, (input, offset, None), weight, layout,
                                                    (True, True, False, False))
    _add(gradInput, to_input)
    _write(gradOffset, to_offset)


def deform_conv_backward_parameters(input: Tensor, offset: Tensor, gradOutput: Tensor, gradWeight: Tensor,
                                    columns: Tensor, ones: Tensor, kW: int, kH: int, dW: int, dH: int, padW: int,
                                    padH: int, dilationW: int, dilationH: int, group: int, deformable_group: int,
                                    scale: float, im2col_step: int) -> None:
    """``gradWeight`` += ``scale`` times its gradient."""
    layout = Layout((kH, kW), (dH, dW), (padH, padW), (dilationH, dilationW), group, deformable_group, im2col_step)
    *_, to_weight = deform_conv_gradients(gradOutput, (input, offset, None), gradWeight, layout,
                                          (False, False, False, True))
    _add(gradWeight, to_weight, scale)


def modulated_deform_conv_forward(input: Tensor, weight: Tensor, bias: Tensor, ones: Tensor, offset: Tensor,
                                  mask: Tensor, output: Tensor, columns: Tensor, kernel_h: int, kernel_w: int,
                                  stride_h: int, stride_w: int, pad_h: int, pad_w: int, dilation_h: int,
                                  dilation_w: int, group: int, deformable_group: int, with_bias: bool) -> None:
    """``output`` = the modulated deformable convolution."""
    layout = Layout((kernel_h, kernel_w), (stride_h, stride_w), (pad_h, pad_w), (dilation_h, dilation_w), group,
                    deformable_group)
    check_shapes((input, offset, mask), weight, layout)
    value = deform_conv_values((input, offset, mask), weight, layout)
    output.copy_(value + bias[:, None, None] if with_bias else value)


def modulated_deform_conv_backward(input: Tensor, weight: Tensor, bias: Tensor, ones: Tensor, offset: Tensor,
                                   mask: Tensor, columns: Tensor, grad_input: Tensor, grad_weight: Tensor,
                                   grad_bias: Tensor, grad_offset: Tensor, grad_mask: Tensor, grad_output: Tensor,
                                   kernel_h: int, kernel_w: int, stride_h: int, stride_w: int, pad_h: int, pad_w: int,
                                   dilation_h: int, dilation_w: int, group: int, deformable_group: int,
                                   with_bias: bool) -> None:
    """``grad_input``, ``grad_weight`` and ``grad_bias`` += their gradients; ``grad_offset``, ``grad_mask`` = theirs."""
    layout = Layout((kernel_h, kernel_w), (stride_h, stride_w), (pad_h, pad_w), (dilation_h, dilation_w), group,
                    deformable_group)
    to_input, to_offset, to_mask, to_weight = deform_conv_gradients(grad_output, (input, offset, mask), weight, layout,
                                                                    (True, True, True, True))
    _add(grad_input, to_input)
    _write(grad_offset, to_offset)
    _write(grad_mask, to_mask)
    _add(grad_weight, to_weight)
    if with_bias:
        grad_bias.add_(grad_output.sum((0, 2, 3)))


def ms_deform_attn_forward(value: Tensor, value_spatial_shapes: Tensor, value_level_start_index: Tensor,
                           sampling_locations: Tensor, attention_weights: Tensor, im2col_step: int) -> Tensor:
    """The attention, (B, Q, M * D)."""
    with torch.no_grad():
        return ms_deform_attn(value, value_spatial_shapes, value_level_start_index, sampling_locations,
                              attention_weights, im2col_step)


def ms_deform_attn_backward(value: Tensor, value_spatial_shapes: Tensor, value_level_start_index: Tensor,
                            sampling_locations: Tensor, attention_weights: Tensor, grad_output: Tensor,
                            grad_value: Tensor, grad_sampling_loc: Tensor, grad_attn_weight: Tensor,
                            im2col_step: int) -> None:
    """``grad_value`` += its gradient; the other two = theirs."""
    leaves = [source.detach().requires_grad_() for source in (value, sampling_locations, attention_weights)]
    # The forward values are not needed: the function keeps only its inputs, so they cost one pass and no memory.
    with torch.enable_grad():
        out = ms_deform_attn(leaves[0], value_spatial_shapes, value_level_start_index, leaves[1], leaves[2],
                             im2col_step)
    to_value, to_locations, to_attention = torch.autograd.grad(out, leaves, grad_output)
    _add(grad_value, to_value)
    _write(grad_sampling_loc, to_locations)
    _write(grad_attn_weight, to_attention)


def carafe_forward(features: Tensor, masks: Tensor, rfeatures: Tensor, routput: Tensor, rmasks: Tensor,
                   output: Tensor, kernel_size: int, group_size: int, scale_factor: int) -> None:
    """``output`` = the upsampled map; ``rfeatures`` = the features (the binding leaves them channels last)."""
    with torch.no_grad():
        _write_maps(output, carafe(features, masks, kernel_size, group_size, scale_factor))
        rfeatures.copy_(features)


def carafe_backward(top_grad: Tensor, rfeatures: Tensor, masks: Tensor, rtop_grad: Tensor, rbottom_grad_hs: Tensor,
                    rbottom_grad: Tensor, rmask_grad: Tensor, bottom_grad: Tensor, mask_grad: Tensor,
                    kernel_size: int, group_size: int, scale_factor: int) -> None:
    """``bottom_grad`` and ``mask_grad`` = the gradients of features and masks."""
    found = _carafe_gradients(top_grad, rfeatures, masks, kernel_size, group_size, scale_factor)
    for given, gradient in zip((bottom_grad, mask_grad), found, strict=True):
        _write_maps(given, gradient)


def carafe_naive_forward(features: Tensor, masks: Tensor, output: Tensor, kernel_size: int, group_size: int,
                         scale_factor: int) -> None:
    """``output`` = the upsampled map."""
    with torch.no_grad():
        _write_maps(output, carafe(features, masks, kernel_size, group_size, scale_factor))


def carafe_naive_backward(top_grad: Tensor, features: Tensor, masks: Tensor, bottom_grad: Tensor, mask_grad: Tensor,
                          kernel_size: int, group_size: int, scale_factor: int) -> None:
    """``bottom_grad`` and ``mask_grad`` += the gradients of features and masks."""
    found = _carafe_gradients(top_grad, features, masks, kernel_size, group_size, scale_factor)
    for given, gradient in zip((bottom_grad, mask_grad), found, strict=True):
        given.add_(gradient)


def _carafe_gradients(top: Tensor, features: Tensor, masks: Tensor, kernel_size: int, group_size: int,
                      scale_factor: int) -> tuple[Tensor, ...]:
    leaves = [source.detach().requires_grad_() for source in (features, masks)]
    with torch.enable_grad():
        out = carafe(leaves[0], leaves[1], kernel_size, group_size, scale_factor)
    return torch.autograd.grad(out, leaves, top)


def psamask_forward(input: Tensor, output: Tensor, psa_type: int, num_: int, h_feature: int, w_feature: int,
                    h_mask: int, w_mask: int, half_h_mask: int, half_w_mask: int) -> None:
    """``output`` = the mask laid out; ``psa_type`` 0 collects, 1 distributes."""
    with torch.no_grad():
        output.copy_(psa_mask(input, MODES[psa_type], (h_mask, w_mask)))


def psamask_backward(grad_output: Tensor, grad_input: Tensor, psa_type: int, num_: int, h_feature: int,
                     w_feature: int, h_mask: int, w_mask: int, half_h_mask: int, half_w_mask: int) -> None:
    """``grad_input`` = its gradient."""
    if MODES[psa_type] == 'distribute':
        grad_output = grad_output.flatten(2).transpose(1, 2).reshape(grad_output.shape)
    grad_input.copy_(spread(grad_output, (h_mask, w_mask)))


def masked_im2col_forward(im: Tensor, mask_h_idx: Tensor, mask_w_idx: Tensor, col: Tensor, kernel_h: int,
                          kernel_w: int, pad_h: int, pad_w: int) -> None:
    """``col`` = the pixels under the kernel at the chosen pixels."""
    with torch.no_grad():
        col.copy_(masked_im2col(im, mask_h_idx, mask_w_idx, (kernel_h, kernel_w), (pad_h, pad_w)))


def masked_col2im_forward(col: Tensor, mask_h_idx: Tensor, mask_w_idx: Tensor, im: Tensor, height: int, width: int,
                          channels: int) -> None:
    """``im`` = the columns at the chosen pixels; the other pixels keep what they hold, as the binding does."""
    im.view(channels, height * width)[:, mask_h_idx * width + mask_w_idx] = col.detach()


def _write_maps(given: Tensor, maps: Tensor) -> None:
    """Copy maps that may be channels last; as matrices, image by image, PyTorch transposes them in blocks."""
    for target, image in zip(given, maps, strict=True):
        target.flatten(1).copy_(image.flatten(1))


def _add(given: Tensor, gradient: Tensor | None, scale: float = 1) -> None:
    if gradient is not None:
        given.add_(gradient, alpha=scale)


def _write(given: Tensor, gradient: Tensor | None) -> None:
    if gradient is not None:
        given.copy_(gradient)

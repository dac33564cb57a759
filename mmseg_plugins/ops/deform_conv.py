"""Deformable convolution, versions 1 and 2, with mmcv's numbers.

Papers: "Deformable Convolutional Networks", https://arxiv.org/abs/1703.06211, and "Deformable ConvNets v2: More
Deformable, Better Results", https://arxiv.org/abs/1811.11168.  Semantics after ``mmcv.ops.deform_conv2d`` and
``modulated_deform_conv2d`` (mmcv 2.1.0, ``ops/csrc/pytorch/cpu``).

Here the four pixels of a sample are read as whole rows of a table (:mod:`.weighted_rows`); the samples of some output
rows make the columns of one matrix product.  The columns are made anew in the backward pass: they are k * k times as
large as the map.  Half and bfloat16 maps are computed in float32.

Shapes: B images, C channels in, O out, H x W pixels in, P x Q out, kernel of K = kh * kw taps, g groups of channels in
the weight (``groups``), G groups of channels with offsets of their own (``deform_groups``).

    input (B, C, H, W) -> table (B G H W, C / G) -> columns (B, g, P Q, K C / g) -> times the weight -> (B, O, P, Q)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from .torchvision_ops import torchvision_ops
from .weighted_rows import MAX_NUMBERS, bilinear_corners, weighted_rows
from .window_pool import pixel_table

Pair = int | tuple[int, int]
Sources = tuple[Tensor, Tensor, Tensor | None]  # input, offset, mask


class Layout(NamedTuple):
    """The numbers of a deformable convolution; pairs are (vertical, horizontal)."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    dilation: tuple[int, int]
    groups: int
    deform_groups: int
    images: int = 32  # at most so many at a time


class _Part(NamedTuple):
    """Some output rows of some images."""

    images: slice
    rows: slice

    def cut(self, maps: Tensor) -> Tensor:
        """The part's elements of (B, any, P, Q)."""
        return maps[self.images, :, self.rows]


def deform_conv2d(input: Tensor,
                  offset: Tensor,
                  weight: Tensor,
                  stride: Pair = 1,
                  padding: Pair = 0,
                  dilation: Pair = 1,
                  groups: int = 1,
                  deform_groups: int = 1,
                  im2col_step: int = 32) -> Tensor:
    """Convolve with taps that are moved by ``offset``.

    Tap (i, j) of output pixel (p, q) reads the map at (p * stride - padding + i * dilation + dy, same for x),
    bilinearly, with zeros outside (:func:`.weighted_rows.bilinear_corners`).

    Args:
        input: (B, C, H, W).
        offset: (B, G * K * 2, P, Q): for each tap dy, then dx, in input pixels.
        weight: (O, C / g, kh, kw).
        stride, padding, dilation: One number, or a pair (vertical, horizontal).
        groups, deform_groups: g and G.
        im2col_step: At most so many images are sampled at a time; the result does not depend on it.

    Returns:
        (B, O, P, Q).

    Raises:
        ValueError: For shapes that do not fit together.
    """
    layout = Layout(_kernel(weight), _two(stride), _two(padding), _two(dilation), groups, deform_groups, im2col_step)
    return _deform_conv(input, offset, None, weight, layout)


def modulated_deform_conv2d(input: Tensor,
                            offset: Tensor,
                            mask: Tensor,
                            weight: Tensor,
                            bias: Tensor | None = None,
                            stride: Pair = 1,
                            padding: Pair = 0,
                            dilation: Pair = 1,
                            groups: int = 1,
                            deform_groups: int = 1) -> Tensor:
    """:func:`deform_conv2d` whose samples are multiplied by ``mask`` (B, G * K, P, Q), plus ``bias`` (O,).

    Returns:
        (B, O, P, Q).

    Raises:
        ValueError: For shapes that do not fit together.
    """
    layout = Layout(_kernel(weight), _two(stride), _two(padding), _two(dilation), groups, deform_groups)
    out = _deform_conv(input, offset, mask, weight, layout)
    return out if bias is None else out + bias.to(out.dtype)[:, None, None]


def _two(value: Pair) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (int(value[0]), int(value[1]))


def _kernel(weight: Tensor) -> tuple[int, int]:
    return weight.size(-2), weight.size(-1)


def _deform_conv(input: Tensor, offset: Tensor, mask: Tensor | None, weight: Tensor, layout: Layout) -> Tensor:
    check_shapes((input, offset, mask), weight, layout)
    return _DeformConv.apply(input, offset, mask, weight, layout)


def check_shapes(sources: Sources, weight: Tensor, layout: Layout) -> None:
    """Refuse sizes that do not fit together.

    Raises:
        ValueError: The shape that is wrong, and the one it must have.
    """
    input, offset, mask = sources
    if input.dim() != 4 or weight.dim() != 4:
        raise ValueError(f'deform_conv2d: input of shape {tuple(input.shape)} and weight of {tuple(weight.shape)}, '
                         'they must be (B, C, H, W) and (O, C / groups, kh, kw). Fix: add the missing axis')
    channels, out_channels, groups = input.size(1), weight.size(0), layout.groups
    if channels != weight.size(1) * groups or out_channels % groups or channels % layout.deform_groups:
        raise ValueError(f'deform_conv2d: {channels} channels in, {out_channels} out, groups={groups}, '
                         f'deform_groups={layout.deform_groups}, weight of shape {tuple(weight.shape)}; groups and '
                         'deform_groups must divide the channels, and weight.size(1) is channels / groups. '
                         'Fix: choose divisors')
    size = output_size(input.shape[2:], layout)
    if min(size) < 1:
        raise ValueError(f'deform_conv2d: a map of {input.size(2)} x {input.size(3)} gives an output of {size[0]} x '
                         f'{size[1]}, it must have a pixel. Fix: pad the map, or use a smaller kernel')
    taps = layout.kernel[0] * layout.kernel[1] * layout.deform_groups
    for name, given, planes in (('offset', offset, 2 * taps), ('mask', mask, taps)):
        wanted = (input.size(0), planes, *size)
        if given is not None and tuple(given.shape) != wanted:
            raise ValueError(f'deform_conv2d: {name} of shape {tuple(given.shape)}, it must be {wanted}. Fix: make it '
                             'with the stride, padding, dilation and deform_groups of this convolution')


def output_size(size: tuple[int, ...], layout: Layout) -> tuple[int, int]:
    """P, Q for maps of ``size`` H, W."""
    reach = [step * (taps - 1) for step, taps in zip(layout.dilation, layout.kernel, strict=True)]
    rows, columns = ((length + 2 * pad - span - 1) // stride + 1 for length, pad, span, stride in zip(
        size, layout.padding, reach, layout.stride, strict=True))
    return rows, columns


class _DeformConv(torch.autograd.Function):

    @staticmethod
    def forward(ctx: Any, input: Tensor, offset: Tensor, mask: Tensor | None, weight: Tensor,
                layout: Layout) -> Tensor:
        ctx.layout = layout
        ctx.save_for_backward(input, offset, mask, weight)
        return deform_conv_values((input, offset, mask), weight, layout)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        *sources, weight = ctx.saved_tensors
        needs = ctx.needs_input_grad[:4]
        return (*deform_conv_gradients(grad, tuple(sources), weight, ctx.layout, needs), None)


@torch.no_grad()
def deform_conv_values(sources: Sources, weight: Tensor, layout: Layout) -> Tensor:
    """The convolution (B, O, P, Q), without a graph."""
    input, offset, mask = sources
    if _torchvision_reads(input):
        return _by_torchvision(sources, weight, layout)
    out = input.new_empty(input.size(0), weight.size(0), *offset.shape[2:])
    matrix = _as_matrix(weight, layout, _compute_dtype(input))
    for part in _parts(input, offset, layout):
        given = None if mask is None else part.cut(mask)
        columns = _columns((input[part.images], part.cut(offset), given), layout, part.rows.start)
        with _without_autocast(input):
            value = matrix @ columns.transpose(2, 3)  # (b, g, O / g, l Q)
        target = part.cut(out)
        target.copy_(value.view(target.shape))
    return out


def deform_conv_gradients(grad: Tensor, sources: Sources, weight: Tensor, layout: Layout,
                          needs: Sequence[bool]) -> tuple[Tensor | None, ...]:
    """The gradients of input, offset, mask and weight.

    Args:
        grad: (B, O, P, Q), that of the convolution.
        sources: Input, offset and mask (or None) as in :func:`modulated_deform_conv2d`.
        weight: (O, C / g, kh, kw).
        needs: Which of the four are asked for; the others are None in the result.
    """
    if _torchvision_reads(sources[0]):
        return _gradients_by_torchvision(grad, sources, weight, layout, needs)
    dtype = _compute_dtype(sources[0])
    matrix = _as_matrix(weight, layout, dtype)
    totals = [torch.zeros_like(source, dtype=dtype) if source is not None and need else None
              for source, need in zip(sources, needs, strict=False)]
    of_matrix = torch.zeros_like(matrix) if needs[3] else None
    for part in _parts(sources[0], sources[1], layout):
        cuts = [None if source is None else source[part.images] if number == 0 else part.cut(source)
                for number, source in enumerate(sources)]
        leaves = [None if cut is None else cut.detach().requires_grad_(total is not None)
                  for cut, total in zip(cuts, totals, strict=True)]
        with torch.enable_grad():
            columns = _columns(leaves, layout, part.rows.start)  # type: ignore[arg-type]
        top = part.cut(grad).to(dtype).reshape(-1, layout.groups, matrix.size(1), columns.size(2))  # (b, g, O/g, l Q)
        with _without_autocast(grad):
            if of_matrix is not None:
                of_matrix += (top @ columns.detach()).sum(0)
            if columns.requires_grad:
                columns.backward(top.transpose(2, 3) @ matrix)
        for number, (total, leaf) in enumerate(zip(totals, leaves, strict=True)):
            if total is not None and leaf is not None and leaf.grad is not None:
                (total[part.images] if number == 0 else part.cut(total)).add_(leaf.grad)
    found = [*totals, None if of_matrix is None else _as_weight(of_matrix, weight)]
    return tuple(None if value is None else value.to(source.dtype)  # type: ignore[union-attr]
                 for value, source in zip(found, (*sources, weight), strict=True))


def _compute_dtype(input: Tensor) -> torch.dtype:
    return torch.float64 if input.dtype == torch.float64 else torch.float32


def _without_autocast(like: Tensor) -> AbstractContextManager[Any]:
    """The matrix products keep the type of the columns; other devices have no autocast that must be turned off."""
    kind = like.device.type
    return torch.autocast(kind, enabled=False) if kind in ('cpu', 'cuda') else nullcontext()


def _as_matrix(weight: Tensor, layout: Layout, dtype: torch.dtype) -> Tensor:
    """(O, C / g, kh, kw) -> (g, O / g, K C / g), the order of the columns."""
    grouped = weight.detach().to(dtype).reshape(layout.groups, -1, weight.size(1), weight.size(2) * weight.size(3))
    return grouped.transpose(2, 3).flatten(2)


def _as_weight(matrix: Tensor, like: Tensor) -> Tensor:
    """The inverse of :func:`_as_matrix`."""
    return matrix.view(like.size(0), like.size(2) * like.size(3), like.size(1)).transpose(1, 2).reshape(like.shape)


def _parts(input: Tensor, offset: Tensor, layout: Layout) -> Iterator[_Part]:
    """Runs of images, or of rows of one image, whose columns hold about :data:`MAX_NUMBERS` numbers."""
    batch, (rows, width) = input.size(0), offset.shape[2:]
    per_row = max(width * input.size(1) * layout.kernel[0] * layout.kernel[1], 1)
    some_rows = min(max(MAX_NUMBERS // per_row, 1), rows)
    some_images = max(min(MAX_NUMBERS // (per_row * rows), layout.images), 1)
    for image in range(0, batch, some_images):
        for row in range(0, rows, some_rows):
            yield _Part(slice(image, image + some_images), slice(row, row + some_rows))


def _columns(sources: Sources, layout: Layout, first_row: int) -> Tensor:
    """The samples of the output rows from ``first_row`` on, as (b, g, l Q, K C / g).

    Args:
        sources: Input (b, C, H, W), offset (b, 2 G K, l, Q), mask (b, G K, l, Q) or None.
    """
    input, offset, mask = sources
    batch, channels, height, width = input.shape
    cells, taps = layout.deform_groups, layout.kernel[0] * layout.kernel[1]
    table = pixel_table(input.reshape(batch * cells, channels // cells, height, width))
    y, x = _positions(offset.to(table.dtype), layout, first_row)
    index, share = bilinear_corners(y, x, height, width)  # (b, l Q, K, G, 4)
    maps = torch.arange(batch * cells, device=input.device).view(batch, 1, 1, cells, 1)
    index = index + maps * (height * width)
    if mask is not None:
        share = share * mask.to(table.dtype).view(batch, cells, taps, -1, 1).permute(0, 3, 2, 1, 4)
    samples = weighted_rows(table, index.view(-1, 4), share.reshape(-1, 4))
    # (b l Q K G, C / G) -> (b, l Q, K, g, C / g) -> (b, g, l Q, K C / g)
    grouped = samples.view(batch, y.size(1), taps, layout.groups, channels // layout.groups)
    return grouped.permute(0, 3, 1, 2, 4).reshape(batch, layout.groups, y.size(1), -1)


def _positions(offset: Tensor, layout: Layout, first_row: int) -> tuple[Tensor, Tensor]:
    """Where the taps read: offset (b, 2 G K, l, Q) -> y and x, (b, l Q, K, G) each, in input pixels."""
    batch, _, rows, columns = offset.shape
    (kh, kw), device = layout.kernel, offset.device
    top, left = (torch.arange(begin, begin + count, device=device) * stride - pad for begin, count, stride, pad in zip(
        (first_row, 0), (rows, columns), layout.stride, layout.padding, strict=True))
    down = torch.arange(kh, device=device) * layout.dilation[0]
    right = torch.arange(kw, device=device) * layout.dilation[1]
    y = (top[:, None, None, None] + down[:, None]).expand(rows, columns, kh, kw)
    x = (left[:, None, None] + right).expand(rows, columns, kh, kw)
    moved = offset.view(batch, layout.deform_groups, kh * kw, 2, rows * columns).permute(3, 0, 4, 2, 1)
    return y.reshape(-1, kh * kw, 1) + moved[0], x.reshape(-1, kh * kw, 1) + moved[1]


def _torchvision_reads(input: Tensor) -> bool:
    """Its kernel is taken on CUDA.  On a CPU it loops over pixels and taps like mmcv's; the sums of rows are faster."""
    return input.is_cuda and input.numel() > 0 and torchvision_ops() is not None


def _by_torchvision(sources: Sources, weight: Tensor, layout: Layout) -> Tensor:
    """The same by torchvision.  Samples that read nothing are moved far out: on the limit itself, at -1, torchvision
    gives the offset a gradient, mmcv and the code above give none."""
    input, offset, mask = sources
    ops = torchvision_ops()
    assert ops is not None
    dtype = _compute_dtype(input)
    offset = offset.to(dtype)
    with torch.no_grad():
        y, x = _positions(offset, layout, 0)
        outside = ~((y > -1) & (y < input.size(2)) & (x > -1) & (x < input.size(3)))
        far = outside.permute(0, 3, 2, 1)[:, :, :, None].expand(-1, -1, -1, 2, -1).reshape(offset.shape)
        distance = -4.0 * (sum(input.shape[2:]) + sum(layout.padding) + sum(layout.kernel) * sum(layout.dilation))
    moved = torch.where(far, distance, offset)
    given = None if mask is None else mask.to(dtype)
    out = ops.deform_conv2d(input.to(dtype), moved, weight.to(dtype), None, layout.stride, layout.padding,
                            layout.dilation, given)
    return out.to(input.dtype)


def _gradients_by_torchvision(grad: Tensor, sources: Sources, weight: Tensor, layout: Layout,
                              needs: Sequence[bool]) -> tuple[Tensor | None, ...]:
    leaves = [None if source is None else source.detach().requires_grad_(need)
              for source, need in zip((*sources, weight), needs, strict=True)]
    with torch.enable_grad():
        out = _by_torchvision(tuple(leaves[:3]), leaves[3], layout)  # type: ignore[arg-type]
    out.backward(grad)
    return tuple(None if leaf is None else leaf.grad for leaf in leaves)

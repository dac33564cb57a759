"""Multi-scale deformable attention with mmcv's numbers.

Paper: "Deformable DETR: Deformable Transformers for End-to-End Object Detection", https://arxiv.org/abs/2010.04159.
Semantics after ``mmcv.ops.MultiScaleDeformableAttnFunction`` (mmcv 2.1.0).  mmcv itself takes its compiled operator on
accelerators only; on a CPU it runs ``multi_scale_deformable_attn_pytorch``, with or without compiled operators.

A head's result is one weighted sum of 4 * L * P rows of the values: no sample is written to memory.

Shapes: B images, N = sum of H_l * W_l keys in L levels, M heads of D channels, Q queries, P points per level.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from .weighted_rows import bilinear_corners, weighted_rows

MAX_ENTRIES = 1 << 20  # rows listed at a time; an entry takes about 60 bytes while it is listed


def ms_deform_attn(value: Tensor, spatial_shapes: Tensor, level_start_index: Tensor, sampling_locations: Tensor,
                   attention_weights: Tensor, im2col_step: int = 64) -> Tensor:
    """Sum, per query and head, of bilinear samples of all levels, each times its attention.

    A location (x, y) is in 0 .. 1 over the level: it reads the map at x * W_l - 0.5, y * H_l - 0.5, with zeros
    outside (:func:`.weighted_rows.bilinear_corners`).

    Args:
        value: (B, N, M, D).
        spatial_shapes: (H_l, W_l) of each level, (L, 2), int64.
        level_start_index: Number of each level's first key, (L,), int64.
        sampling_locations: (B, Q, M, L, P, 2).
        attention_weights: (B, Q, M, L, P).
        im2col_step: At most so many images are read at a time; the result does not depend on it.

    Returns:
        (B, Q, M * D), in the type of ``value``; half and bfloat16 are summed in float32.

    Raises:
        ValueError: For shapes that do not fit together.
    """
    _check(value, spatial_shapes, level_start_index, sampling_locations, attention_weights)
    return _MSDeformAttn.apply(value, spatial_shapes, level_start_index, sampling_locations, attention_weights,
                               im2col_step)


def _check(value: Tensor, shapes: Tensor, starts: Tensor, locations: Tensor, attention: Tensor) -> None:
    batch, heads = value.size(0), value.size(2) if value.dim() == 4 else -1
    levels = len(shapes)
    fits = (value.dim() == 4 and shapes.shape == (levels, 2) and starts.shape == (levels,) and locations.dim() == 6
            and attention.shape == locations.shape[:5] and locations.size(5) == 2 and locations.size(0) == batch
            and locations.size(2) == heads and locations.size(3) == levels)
    if not fits:
        raise ValueError(
            f'ms_deform_attn: value {tuple(value.shape)}, spatial_shapes {tuple(shapes.shape)}, level_start_index '
            f'{tuple(starts.shape)}, sampling_locations {tuple(locations.shape)}, attention_weights '
            f'{tuple(attention.shape)}; they must be (B, N, M, D), (L, 2), (L,), (B, Q, M, L, P, 2) and '
            '(B, Q, M, L, P). Fix: bring them to one B, M and L')


class _MSDeformAttn(torch.autograd.Function):
    """In runs of queries; their lists of rows, larger than the result, are made anew in the backward pass."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, shapes: Tensor, starts: Tensor, locations: Tensor, attention: Tensor,
                step: int) -> Tensor:
        ctx.step = step
        ctx.save_for_backward(value, shapes, starts, locations, attention)
        batch, queries = locations.shape[:2]
        out = value.new_empty(batch, queries, value.size(2) * value.size(3))
        for images, run in _parts(locations, step):
            out[images, run] = _attend(value[images], shapes, starts, locations[images, run], attention[images, run])
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        value, shapes, starts, locations, attention = ctx.saved_tensors
        sources = (value, locations, attention)
        needs = (ctx.needs_input_grad[0], *ctx.needs_input_grad[3:5])
        totals = [torch.zeros_like(source) if need else None for source, need in zip(sources, needs, strict=True)]
        for images, run in _parts(locations, ctx.step):
            cuts = (value[images], locations[images, run], attention[images, run])
            leaves = [cut.detach().requires_grad_(need) for cut, need in zip(cuts, needs, strict=True)]
            with torch.enable_grad():
                out = _attend(leaves[0], shapes, starts, leaves[1], leaves[2])
            out.backward(grad[images, run].to(out.dtype))
            places: tuple[Any, ...] = (images, (images, run), (images, run))
            for total, leaf, place in zip(totals, leaves, places, strict=True):
                if total is not None and leaf.grad is not None:
                    total[place] += leaf.grad
        return totals[0], None, None, totals[1], totals[2], None


def _parts(locations: Tensor, step: int) -> Iterator[tuple[slice, slice]]:
    """Runs of images and queries that list about :data:`MAX_ENTRIES` rows."""
    batch, queries, heads, levels, points, _ = locations.shape
    each = max(heads * levels * points * 4, 1)
    some_queries = min(max(MAX_ENTRIES // each, 1), max(queries, 1))
    some_images = max(min(MAX_ENTRIES // (each * some_queries), step), 1) if some_queries >= queries else 1
    for image in range(0, batch, some_images):
        for query in range(0, queries, some_queries):
            yield slice(image, image + some_images), slice(query, query + some_queries)


def _attend(value: Tensor, shapes: Tensor, starts: Tensor, locations: Tensor, attention: Tensor) -> Tensor:
    """(b, q, M * D), in float32 for half types; arguments as in :func:`ms_deform_attn`."""
    batch, keys, heads, channels = value.shape
    queries, points = locations.size(1), locations.size(4)
    dtype = torch.float64 if value.dtype == torch.float64 else torch.float32
    table = value.to(dtype).reshape(-1, channels)  # (b N M, D)
    height, width = shapes[:, None, 0], shapes[:, None, 1]  # (L, 1), against (b, q, M, L, P)
    x, y = locations.to(dtype).unbind(-1)
    pixel, share = bilinear_corners(y * height - 0.5, x * width - 0.5, height, width)  # (b, q, M, L, P, 4)
    first_key = torch.arange(batch, device=value.device).view(-1, 1, 1, 1, 1, 1) * keys
    head = torch.arange(heads, device=value.device).view(-1, 1, 1, 1)
    row = (pixel + starts.view(-1, 1, 1) + first_key) * heads + head
    entries = len(shapes) * points * 4
    weight = (share * attention.to(dtype)[..., None]).reshape(-1, entries)
    return weighted_rows(table, row.reshape(-1, entries), weight).view(batch, queries, heads * channels)

"""Operators whose values must not depend on the device, each with small inputs that are the same on every call.

The inputs are drawn on the CPU; what an operator takes beyond tensors is fixed here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from mmseg_plugins import ops
from mmseg_plugins.models.crf import dense_crf
from mmseg_plugins.ops.assemble import assemble
from mmseg_plugins.ops.nms import nms


class Operator(NamedTuple):
    """``call(*inputs())`` is the operator's result."""

    call: Callable[..., Tensor]
    inputs: Callable[[], list[Tensor]]


def _generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def _rois(count: int, images: int, width: float, height: float, generator: torch.Generator) -> Tensor:
    corners = torch.rand(2, count, 2, generator=generator) * torch.tensor([width, height]) * 1.2 - 4
    image = torch.randint(images, (count, 1), generator=generator)
    return torch.cat([image, corners.amin(0), corners.amax(0)], 1)


def _maps_and_rois(channels: int) -> Callable[[], list[Tensor]]:
    def inputs() -> list[Tensor]:
        generator = _generator()
        return [torch.randn(2, channels, 12, 15, generator=generator), _rois(20, 2, 60, 48, generator)]

    return inputs


def _points() -> list[Tensor]:
    generator = _generator()
    return [torch.randn(70, 3, generator=generator), torch.randn(70, 5, generator=generator) * 2]


def _boxes() -> list[Tensor]:
    generator = _generator()
    return [_rois(60, 1, 60, 48, generator)[:, 1:].contiguous(), torch.rand(60, generator=generator)]


def _labeled_image() -> list[Tensor]:
    generator = _generator()
    return [torch.rand(1, 3, 20, 24, generator=generator).softmax(1),
            torch.randint(0, 256, (1, 3, 20, 24), generator=generator, dtype=torch.uint8)]  # fmt: skip


def _maps_and_windows() -> list[Tensor]:
    generator = _generator()
    return [torch.randn(2, 9, 12, 15, generator=generator),
            torch.cat([torch.randint(2, (8, 1), generator=generator),
                       torch.randint(-3, 12, (8, 2), generator=generator)], 1)]  # fmt: skip


def _classes(rois: Tensor) -> Tensor:
    return torch.arange(len(rois), device=rois.device) % 4


OPERATORS: dict[str, Operator] = {
    'ps_roi_pool': Operator(lambda maps, rois: ops.ps_roi_pool(maps, rois, 6, 2, 1 / 4), _maps_and_rois(8)),
    'ps_roi_pool_chunks': Operator(
        lambda maps, rois: torch.cat(list(ops.ps_roi_pool_chunks(maps, rois, 6, 2, 1 / 4, chunk=7))),
        _maps_and_rois(8)),
    'prroi_pool': Operator(lambda maps, rois: ops.prroi_pool(maps, rois, 5, 1 / 4), _maps_and_rois(4)),
    'roi_align': Operator(lambda maps, rois: ops.roi_align(maps, rois, 5, 1 / 4), _maps_and_rois(4)),
    'roi_align, 2 samples': Operator(lambda maps, rois: ops.roi_align(maps, rois, 5, 1 / 4, 2), _maps_and_rois(4)),
    'roi_warp': Operator(lambda maps, rois: ops.roi_warp(maps, rois, 5, 1 / 4), _maps_and_rois(4)),
    'roi_pool': Operator(lambda maps, rois: ops.roi_pool(maps, rois, 5, 1 / 4), _maps_and_rois(4)),
    'crop_and_resize': Operator(lambda maps, rois: ops.crop_and_resize(maps, rois, 7, 1 / 4), _maps_and_rois(4)),
    'direction_pool': Operator(
        lambda maps, rois: ops.direction_pool(maps, rois, 7, 1 / 4, 2, 2), _maps_and_rois(4)),
    'crop_channel': Operator(
        lambda maps, rois: ops.crop_channel(maps, rois, _classes(rois), 7, 1 / 4), _maps_and_rois(4)),
    'assemble': Operator(lambda maps, windows: assemble(maps, windows, 6), _maps_and_windows),
    'nms': Operator(lambda boxes, scores: nms(boxes.detach(), scores.detach(), 0.4), _boxes),
    'permutohedral_filter': Operator(
        lambda values, features: ops.permutohedral_filter(values, features.detach(), pad_to_multiple=4), _points),
    'ExactGaussian': Operator(
        lambda values, features: ops.ExactGaussian(features.detach()).filter(values), _points),
    'dense_crf': Operator(
        lambda unary, image: dense_crf(unary, image, 'deeplabv2-r101', iterations=3), _labeled_image),
}  # fmt: skip
ONE_SYNC = ('ps_roi_pool', 'ps_roi_pool_chunks', 'prroi_pool', 'roi_align', 'roi_align, 2 samples', 'roi_warp',
            'roi_pool', 'crop_and_resize')  # fmt: skip

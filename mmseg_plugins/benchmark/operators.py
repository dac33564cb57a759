"""Time and memory of the RoI operators next to one pass over their maps and next to a loop over RoIs."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from mmcv.ops import roi_align as mmcv_roi_align
from torch import Tensor

from mmseg_plugins import ops
from mmseg_plugins.utils import environment

Operator = Callable[[Tensor, Tensor], Tensor]  # (maps, RoIs) -> pooled
Clock = Callable[[], float]
SIDES = 32, 512  # of the RoIs in image pixels, log-uniform


class Case(NamedTuple):
    """One line of the table.

    Attributes:
        name: What the line is called.
        size: Maps (channels, height, width), one image.
        stride: Of the maps.
        operator: What is timed.
        loop: The same result by a plain loop over RoIs (for RoIAlign mmcv's compiled one), or None.
        trains: Whether the backward pass is timed as well.
    """

    name: str
    size: tuple[int, int, int]
    stride: int
    operator: Operator
    loop: Operator | None
    trains: bool = True


def make_cases(classes: int = 81, channels: int = 256) -> list[Case]:
    """FCIS's pooling in its own size, and the others on ``channels`` maps of a 600 x 1000 image at stride 16.

    Args:
        classes: Of FCIS, background included; its score maps have 2 * 49 * classes channels.
    """
    fcis, other = (2 * 49 * classes, 38, 63), (channels, 38, 63)
    scale = 1 / 16

    def class_scores(feats: Tensor, rois: Tensor) -> Tensor:
        """FCIS's class scores, (N, classes): mean over 21 x 21 of the larger of outside and inside."""
        pieces = ops.ps_roi_pool_chunks(feats, rois, 21, 7, scale)
        return torch.cat([torch.maximum(piece[:, 0::2], piece[:, 1::2]).mean((2, 3)) for piece in pieces])

    def mmcv(feats: Tensor, rois: Tensor) -> Tensor:
        return mmcv_roi_align(feats, rois, 14, scale, 2, 'avg', True)

    return [
        Case('ps_roi_pool', fcis, 16, lambda f, r: ops.ps_roi_pool(f, r, 21, 7, scale), partial(loop_ps, scale=scale)),
        Case('ps_roi_pool_chunks, class scores', fcis, 16, class_scores, None, trains=False),
        Case('prroi_pool', other, 16, lambda f, r: ops.prroi_pool(f, r, 14, scale), partial(loop_precise, scale=scale)),
        Case('roi_warp', other, 16, lambda f, r: ops.roi_warp(f, r, 14, scale), partial(loop_warp, scale=scale)),
        Case('roi_pool', other, 16, lambda f, r: ops.roi_pool(f, r, 14, scale), partial(loop_max, scale=scale)),
        Case('crop_and_resize', other, 16, lambda f, r: ops.crop_and_resize(f, r, 14, scale),
             partial(loop_crop, scale=scale)),
        Case('direction_pool', (32, 38, 63), 16, lambda f, r: ops.direction_pool(f, r, 41, scale),
             partial(loop_directions, scale=scale)),
        Case('roi_align, 2 x 2 samples', other, 16, lambda f, r: ops.roi_align(f, r, 14, scale, 2), mmcv),
        Case('mmcv roi_align, 2 x 2 samples', other, 16, mmcv, None),
    ]


def random_rois(count: int, height: int, width: int, seed: int = 0) -> Tensor:
    """(N, 5) in image 0: centres anywhere in ``height`` x ``width`` pixels, sides in :data:`SIDES`, cut to them."""
    g = torch.Generator().manual_seed(seed)
    size = torch.tensor([width, height])
    center = torch.rand(count, 2, generator=g) * size
    side = SIDES[0] * (SIDES[1] / SIDES[0])**torch.rand(count, 2, generator=g)
    corners = [(center + sign * side / 2).clamp_min(0).minimum(size) for sign in (-1, 1)]
    return torch.cat([torch.zeros(count, 1), *corners], 1)


def measure_case(case: Case,
                 count: int,
                 rounds: int,
                 device: str = 'cpu',
                 loop: bool = True,
                 clock: Clock = time.perf_counter) -> dict[str, Any]:
    """Time a case next to its loop and a pass over its maps, in turns, after checking it against the loop.

    Returns:
        Medians in seconds of ``clock``: ``pass_s`` (``x.clone()``), ``copy_s`` (into memory already in use),
        ``forward_s``, ``train_s`` (forward and backward; None where not timed), ``loop_s`` (one run; None without a
        loop); ``peak_mb``, memory above the maps and RoIs in the forward pass.

    Raises:
        AssertionError: When operator and loop disagree.
    """
    torch.manual_seed(0)
    channels, height, width = case.size
    feats = torch.randn(1, channels, height, width, device=device)
    rois = random_rois(count, (height - 1) * case.stride, (width - 1) * case.stride).to(device)
    result: dict[str, Any] = dict(name=case.name, loop_s=None, rois=count, size=list(case.size))
    if loop and case.loop is not None:
        with torch.no_grad():
            result['loop_s'], slow = _once(partial(case.loop, feats, rois), device, clock)
            torch.testing.assert_close(case.operator(feats, rois), slow, rtol=1e-3, atol=1e-3)
        del slow
    leaf, other = feats.clone().requires_grad_(), torch.empty_like(feats)
    with torch.no_grad():
        result['peak_mb'] = _peak_mb(partial(case.operator, feats, rois), device)

    def train() -> None:
        leaf.grad = None
        case.operator(leaf, rois).sum().backward()

    calls: dict[str, Callable[[], Any]] = dict(
        pass_s=feats.clone, copy_s=partial(other.copy_, feats), forward_s=partial(case.operator, feats, rois))
    if case.trains:
        calls['train_s'] = train
    times: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(rounds + 1):  # the first warms up
        for name, call in calls.items():
            with torch.set_grad_enabled(name == 'train_s'):
                seconds, _ = _once(call, device, clock)
            times[name] += [seconds] * (number > 0)
    return {'train_s': None, **result, **{name: statistics.median(seconds) for name, seconds in times.items()}}


def format_table(results: Sequence[Mapping[str, Any]]) -> str:
    """One row per operator, as Markdown; times in ms."""
    rows = [[
        'operator', 'maps', 'pass ms', 'forward ms (x pass)', 'train ms (x pass)', 'loop ms (x forward)', 'peak MB'
    ]]
    for one in results:
        row = [one['name'], ' x '.join(map(str, one['size'])), f'{one["pass_s"] * 1e3:.3g}']
        for key in ('forward_s', 'train_s'):
            row.append('-' if one[key] is None else f'{one[key] * 1e3:.4g} ({one[key] / one["pass_s"]:.3g})')
        loop = one['loop_s']
        row.append('-' if loop is None else f'{loop * 1e3:.4g} ({loop / one["forward_s"]:.3g})')
        rows.append([*row, f'{one["peak_mb"]:.0f}'])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [f"| {' | '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))} |" for row in rows]
    return '\n'.join([lines[0], '|' + '|'.join('-' * (width + 2) for width in widths) + '|', *lines[1:]])


def _once(call: Callable[[], Any], device: str, clock: Clock) -> tuple[float, Any]:
    cuda = device.startswith('cuda')
    if cuda:
        torch.cuda.synchronize(device)
    start = clock()
    value = call()
    if cuda:
        torch.cuda.synchronize(device)
    return clock() - start, value


def _peak_mb(call: Callable[[], Any], device: str) -> float:
    gc.collect()
    if device.startswith('cuda'):
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        call()
        return round((torch.cuda.max_memory_allocated(device) - before) / 2**20, 1)
    environment.release_memory()
    environment.reset_peak_rss()
    before_mb = environment.rss_mb()
    call()
    return round(environment.peak_rss_mb() - before_mb, 1)


def loop_ps(feats: Tensor, rois: Tensor, scale: float, bins: int = 21, group: int = 7) -> Tensor:
    """Position-sensitive pooling bin by bin."""
    maps = feats.unflatten(1, (-1, group, group))
    out = feats.new_zeros(len(rois), maps.size(1), bins, bins)
    height, width = feats.shape[2:]
    for n, (image, x1, y1, x2, y2) in enumerate(rois.double().round().tolist()):
        ys = _windows(y1 * scale, (y2 + 1) * scale, bins, height)
        xs = _windows(x1 * scale, (x2 + 1) * scale, bins, width)
        for p, (top, bottom) in enumerate(ys):
            for q, (left, right) in enumerate(xs):
                if bottom > top and right > left:
                    cell = maps[int(image), :, p * group // bins, q * group // bins]
                    out[n, :, p, q] = cell[:, top:bottom, left:right].mean((1, 2))
    return out


def loop_max(feats: Tensor, rois: Tensor, scale: float, bins: int = 14) -> Tensor:
    """Max pooling bin by bin."""
    out = feats.new_zeros(len(rois), feats.size(1), bins, bins)
    height, width = feats.shape[2:]
    for n, (image, x1, y1, x2, y2) in enumerate(rois.double().tolist()):
        ys = _windows(y1 * scale, (y2 + 1) * scale, bins, height)
        xs = _windows(x1 * scale, (x2 + 1) * scale, bins, width)
        for p, (top, bottom) in enumerate(ys):
            for q, (left, right) in enumerate(xs):
                if bottom > top and right > left:
                    out[n, :, p, q] = feats[int(image), :, top:bottom, left:right].amax((1, 2))
    return out


def _windows(start: float, end: float, bins: int, limit: int) -> list[tuple[int, int]]:
    step = max(end - start, 0.1) / bins
    edges = torch.arange(bins + 1, dtype=torch.float64) * step + start
    low = (edges[:-1] + 1e-9).floor().clamp(0, limit).long()
    return list(zip(low.tolist(), (edges[1:] - 1e-9).ceil().clamp(0, limit).long().tolist(), strict=True))


def loop_precise(feats: Tensor, rois: Tensor, scale: float, bins: int = 14) -> Tensor:
    """Precise pooling RoI by RoI: two dense matrix products."""

    def weights(start: Tensor, end: Tensor, limit: int) -> Tensor:
        edges = torch.lerp(start, end, torch.linspace(0, 1, bins + 1, device=feats.device))
        t = (edges[:, None] - torch.arange(limit, device=feats.device)).clamp(-1, 1)
        area = torch.where(t < 0, (t + 1)**2 / 2, 1 - (1 - t)**2 / 2)
        return area.diff(dim=0) * bins / (end - start)  # (bins, limit)

    pooled = []
    for roi in rois:
        x1, y1, x2, y2 = roi[1:] * scale
        rows, cols = weights(y1, y2, feats.size(2)), weights(x1, x2, feats.size(3))
        pooled.append(rows @ feats[int(roi[0])] @ cols.T)
    return torch.stack(pooled)


def loop_crop(feats: Tensor, rois: Tensor, scale: float, bins: int = 14) -> Tensor:
    """Crop-and-resize RoI by RoI with ``grid_sample``."""
    return torch.stack([_sample(feats, roi[0], roi[1:] * scale, bins, 1.0) for roi in rois])


def loop_directions(feats: Tensor, rois: Tensor, scale: float, bins: int = 41) -> Tensor:
    """Direction pooling RoI by RoI: crop all channels, then keep the one that each point reads."""
    channels = ops.direction_channels(rois, (bins, bins))[:, None]
    crops = [_sample(feats, roi[0], roi[1:] * scale, bins, 1.0) for roi in rois]
    return torch.stack([crop.gather(0, channel) for crop, channel in zip(crops, channels, strict=True)])


def loop_warp(feats: Tensor, rois: Tensor, scale: float, bins: int = 14) -> Tensor:
    """RoI warping RoI by RoI with ``grid_sample``."""
    reach = (bins - 1) / bins
    return torch.stack([_sample(feats, roi[0], (roi[1:] * scale + 0.5).floor(), bins, reach) for roi in rois])


def _sample(feats: Tensor, image: Tensor, box: Tensor, bins: int, reach: float) -> Tensor:
    """Samples from the box's first corner to ``reach`` of its size, on each axis, (C, bins, bins)."""
    step = torch.linspace(0, reach, bins, device=feats.device)
    x = torch.lerp(box[0], box[2], step) * 2 / (feats.size(3) - 1) - 1
    y = torch.lerp(box[1], box[3], step) * 2 / (feats.size(2) - 1) - 1
    grid = torch.stack(torch.meshgrid(x, y, indexing='xy'), -1)
    return F.grid_sample(feats[int(image)][None], grid[None], padding_mode='border', align_corners=True)[0]

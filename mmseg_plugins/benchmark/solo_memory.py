"""Peak memory and time of SOLO's prediction on one large image, ours or stock mmdet's, without a network."""

from __future__ import annotations

import time
from typing import Any

import torch
from mmengine.config import ConfigDict

from mmseg_plugins.config.scope import enter_scope
from mmseg_plugins.registry import MODELS
from mmseg_plugins.utils import environment
from mmseg_plugins.utils.errors import UserError


def build_head(channels: int, stock: bool, rle: bool) -> Any:
    """A SOLOv2 head with the original's grids and limits; its layers are not used."""
    enter_scope('mmdet')
    test_cfg = ConfigDict(nms_pre=500, score_thr=0.1, mask_thr=0.5, filter_thr=0.0, kernel='gaussian', sigma=2.0,
                          max_per_img=100, rle=rle)
    return MODELS.build(dict(
        type='mmdet.SOLOV2Head' if stock else 'mmseg_plugins.SOLOV2Head', num_classes=1, in_channels=8,
        feat_channels=32, strides=[8, 8, 16, 32, 32], num_grids=[40, 36, 24, 16, 12],
        scale_ranges=((1, 96), (48, 192), (96, 384), (192, 768), (384, 2048)), test_cfg=test_cfg,
        mask_feature_head=ConfigDict(feat_channels=32, start_level=0, end_level=3, out_channels=channels)))


def outputs(head: Any, map_size: tuple[int, int], candidates: int, channels: int) -> tuple:
    """Kernels, class logits and mask features: discs of about a tenth of the image around random centres."""
    torch.manual_seed(0)
    y, x = torch.meshgrid(torch.linspace(-1, 1, map_size[0]), torch.linspace(-1, 1, map_size[1]), indexing='ij')
    features = torch.zeros(1, channels, *map_size)
    features[0, :4] = torch.stack([x, y, x**2 + y**2, torch.ones_like(x)])
    # Every second row and column, so that point NMS leaves all of them.
    apart = torch.cat([(torch.arange(grid)[:, None] % 2 + torch.arange(grid) % 2 == 0).flatten()
                       for grid in head.num_grids])
    cells, chosen = len(apart), apart.nonzero().flatten()
    if candidates > len(chosen):
        raise UserError(f'--candidates {candidates}: point NMS leaves at most {len(chosen)} with these grids')
    chosen = chosen[torch.randperm(len(chosen))[:candidates]]
    scores = torch.full((cells, ), -10.0)
    scores[chosen] = torch.rand(candidates) * 4
    center = torch.rand(cells, 2) * 2 - 1
    kernels = torch.zeros(cells, channels)
    # 50 (r^2 - |p - c|^2), multiplied out
    kernels[:, :2], kernels[:, 2] = 100 * center, -50
    kernels[:, 3] = 50 * (0.04 - (center**2).sum(1))
    sizes = [grid**2 for grid in head.num_grids]
    kernel_maps = [part.T.reshape(1, channels, grid, grid)
                   for part, grid in zip(kernels.split(sizes), head.num_grids, strict=True)]
    score_maps = [part.reshape(1, 1, grid, grid)
                  for part, grid in zip(scores.split(sizes), head.num_grids, strict=True)]
    return kernel_maps, score_maps, features


def measure_solo(
    size: tuple[int, int], map_size: tuple[int, int], candidates: int, channels: int, stock: bool, rle: bool
) -> dict[str, Any]:
    """Predict one image of ``size`` (height, width) px from random outputs, and what it took.

    Returns:
        ``instances``, ``before_gb`` and ``peak_gb`` (largest resident memory of the process, 10^9 bytes), ``seconds``.

    Raises:
        UserError: more candidates than point NMS leaves.
    """
    head: Any = build_head(channels, stock, rle).eval()
    outs = outputs(head, map_size, candidates, channels)
    meta = dict(img_shape=(map_size[0] * 4, map_size[1] * 4), ori_shape=size)
    before, start = _peak_gb(), time.perf_counter()
    with torch.no_grad():
        result = head.predict_by_feat(*outs, batch_img_metas=[meta], rescale=True)[0]
    return dict(instances=len(result.scores), before_gb=round(before, 2), peak_gb=round(_peak_gb(), 2),
                seconds=round(time.perf_counter() - start, 1))


def _peak_gb() -> float:
    return environment.peak_rss_mb() * 2**20 / 1e9

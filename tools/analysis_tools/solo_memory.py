"""Peak memory and time of SOLO's prediction on one large image, ours or stock mmdet's, without a network.

    python tools/analysis_tools/solo_memory.py --size 4000 5000 --candidates 700
    python tools/analysis_tools/solo_memory.py --size 4000 5000 --candidates 700 --rle --map-size 1000 1250

The head gets random outputs in which as many cells as asked for pass the score threshold and draw discs that overlap;
the process's peak resident memory is printed before and after the call.  --map-size is the stride-4 map: the image / 4
for a photograph that is not resized, 200 x 256 (the default) for one resized to 800 x 1024 as in the COCO configs.
"""

from __future__ import annotations

import argparse
import json
import resource
import time

import torch
from mmengine.config import ConfigDict
from mmengine.registry import init_default_scope

from mmseg_plugins.registry import MODELS


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--size', type=int, nargs=2, default=(4000, 5000), help='photograph, height and width')
    parser.add_argument('--map-size', type=int, nargs=2, default=(200, 256), help='stride-4 map, height and width')
    parser.add_argument('--candidates', type=int, default=700, help='cells above the score threshold')
    parser.add_argument('--channels', type=int, default=8, help='mask features of SOLOv2')
    parser.add_argument('--stock', action='store_true', help="measure mmdet's head instead")
    parser.add_argument('--rle', action='store_true', help='masks as run lengths')
    return parser.parse_args()


def build_head(channels: int, stock: bool, rle: bool) -> torch.nn.Module:
    """A SOLOv2 head with the original's grids and limits; its layers are not used."""
    init_default_scope('mmdet')
    test_cfg = ConfigDict(nms_pre=500, score_thr=0.1, mask_thr=0.5, filter_thr=0.0, kernel='gaussian', sigma=2.0,
                          max_per_img=100, rle=rle)
    return MODELS.build(dict(
        type='mmdet.SOLOV2Head' if stock else 'mmseg_plugins.SOLOV2Head', num_classes=1, in_channels=8,
        feat_channels=32, strides=[8, 8, 16, 32, 32], num_grids=[40, 36, 24, 16, 12],
        scale_ranges=((1, 96), (48, 192), (96, 384), (192, 768), (384, 2048)), test_cfg=test_cfg,
        mask_feature_head=ConfigDict(feat_channels=32, start_level=0, end_level=3, out_channels=channels)))


def outputs(head: torch.nn.Module, map_size: tuple[int, int], candidates: int, channels: int) -> tuple:
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
        raise SystemExit(f'--candidates {candidates}: point NMS leaves at most {len(chosen)} with these grids')
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


def peak_gb() -> float:
    """Largest resident memory of this process so far, in GB (10^9 bytes)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def main() -> None:
    """Measure one prediction."""
    args = parse_args()
    map_size = tuple(args.map_size)
    head = build_head(args.channels, args.stock, args.rle).eval()
    outs = outputs(head, map_size, args.candidates, args.channels)
    meta = dict(img_shape=(map_size[0] * 4, map_size[1] * 4), ori_shape=tuple(args.size))
    before, start = peak_gb(), time.perf_counter()
    with torch.no_grad():
        result = head.predict_by_feat(*outs, batch_img_metas=[meta], rescale=True)[0]
    print(json.dumps(dict(
        head='mmdet' if args.stock else 'mmseg_plugins', size=list(args.size), map_size=list(map_size),
        candidates=args.candidates, instances=len(result.scores), rle=args.rle, before_gb=round(before, 2),
        peak_gb=round(peak_gb(), 2), seconds=round(time.perf_counter() - start, 1))))


if __name__ == '__main__':
    main()

"""Class-agnostic mask proposals from small windows of mask probabilities, in bounded memory.

A window's probabilities are resampled only around the window and only for a few windows at a time; a whole image is
made for the proposals that are kept, never for the candidates.

Shapes: N windows of m x m cells, images of H x W pixels; window and box coordinates are x1 y1 x2 y2 in the pixels of
the frame that the masks are wanted in, x2 and y2 exclusive.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from mmcv.ops import nms
from mmengine.structures import InstanceData
from torch import Tensor

from mmseg_plugins.structures.masks import mask_boxes

CHUNK_PIXELS = 2**21  # resampled at a time; some 60 MB with the coordinates


def window_proposals(probs: Tensor,
                     windows: Tensor,
                     scores: Tensor,
                     image_size: tuple[int, int],
                     *,
                     mask_thr: float = 0.5,
                     iou_thr: float = 0.8,
                     max_per_img: int = 1000) -> InstanceData:
    """Threshold the windows, suppress near-doubles by the tight boxes of their masks, keep the best.

    Args:
        probs: (N, m, m) mask probabilities.
        windows: (N, 4) where they lie; parts may be outside the image.
        scores: (N,).
        image_size: H, W.
        mask_thr: A pixel belongs to the mask when its bilinear probability is larger.
        iou_thr: Of two proposals whose boxes overlap more, the one with the lower score goes.
        max_per_img: Proposals to keep; not above 0: all.

    Returns:
        By falling score: ``bboxes`` (n, 4) tight, ``scores`` (n,), ``labels`` (n,) zeros, ``masks`` (n, H, W) bool.
        Windows without a pixel in the image are left out.
    """
    probs, windows, scores = probs.float(), windows.float(), scores.float()
    boxes = windows.new_zeros(len(windows), 4)
    for chosen, corners, patches in _patches(probs, windows, image_size, mask_thr):
        tight = mask_boxes(patches)
        filled = (tight[:, 2] > 0)[:, None]
        boxes[chosen] = (tight + torch.cat([corners, corners], dim=1)) * filled
    kept = torch.nonzero(boxes[:, 2] > boxes[:, 0])[:, 0]
    if len(kept):
        order = nms(boxes[kept].contiguous(), scores[kept].contiguous(), iou_thr, max_num=max_per_img)[1]
        kept = kept[order]
    masks = torch.zeros((len(kept), *image_size), dtype=torch.bool, device=probs.device)
    for chosen, corners, patches in _patches(probs[kept], windows[kept], image_size, mask_thr):
        _paste(masks, chosen, corners, patches)
    labels = torch.zeros(len(kept), dtype=torch.long, device=probs.device)
    return InstanceData(bboxes=boxes[kept], scores=scores[kept], labels=labels, masks=masks)


def _patches(probs: Tensor, windows: Tensor, image_size: tuple[int, int],
             mask_thr: float) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Binary pixels around each window, a few windows at a time, those of like size together.

    Yields:
        Indices (n,), corners (n, 2) as x, y in whole pixels, and (n, P, P) bool, False outside window and image.
    """
    sides = (windows[:, 2:] - windows[:, :2]).amax(dim=1).ceil().long() + 1  # a window may begin inside a pixel
    order = sides.argsort(descending=True)
    start = 0
    while start < len(order):
        side = int(sides[order[start]])
        chosen = order[start:start + max(CHUNK_PIXELS // side**2, 1)]
        start += len(chosen)
        yield chosen, *_resample(probs[chosen], windows[chosen], side, image_size, mask_thr)


def _resample(probs: Tensor, windows: Tensor, side: int, image_size: tuple[int, int],
              mask_thr: float) -> tuple[Tensor, Tensor]:
    """Corners (n, 2) and pixels (n, side, side) whose bilinear probability is above ``mask_thr``."""
    corners = windows[:, :2].floor()
    pixels = torch.arange(side, device=probs.device)
    # Centers of the pixels: (n, 2, side), x and y; relative to the window: 0 at its near side, 1 at its far side.
    absolute = corners[:, :, None] + pixels + 0.5
    relative = (absolute - windows[:, :2, None]) / (windows[:, 2:] - windows[:, :2])[:, :, None]
    limit = absolute.new_tensor([image_size[1], image_size[0]])[:, None]
    valid = (relative >= 0) & (relative <= 1) & (absolute > 0) & (absolute < limit)
    grid = relative * 2 - 1
    grid = torch.stack([
        grid[:, 0, None, :].expand(-1, side, -1),
        grid[:, 1, :, None].expand(-1, -1, side),
    ], dim=-1)  # (n, side, side, 2)
    values = F.grid_sample(probs[:, None], grid, padding_mode='border', align_corners=False)[:, 0]
    return corners.long(), (values > mask_thr) & valid[:, 0, None, :] & valid[:, 1, :, None]


def _paste(masks: Tensor, chosen: Tensor, corners: Tensor, patches: Tensor) -> None:
    """Write patches (n, P, P) into ``masks`` (N, H, W), in place; what is True lies in the image."""
    index, row, column = patches.nonzero(as_tuple=True)
    masks[chosen[index], corners[index, 1] + row, corners[index, 0] + column] = True

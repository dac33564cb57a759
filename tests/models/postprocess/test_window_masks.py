"""Mask proposals of windows: pasting against a whole-image transcription, tight boxes, suppression, borders, memory."""

import pytest
import torch
import torch.nn.functional as F

from mmseg_plugins.models.postprocess import window_masks
from mmseg_plugins.models.postprocess.window_masks import window_proposals
from mmseg_plugins.structures.masks import mask_boxes


def slow_paste(prob, window, size):
    """One window resampled at every pixel of the image: bilinear between cell centres, nothing outside the window."""
    m = prob.size(-1)
    mask = torch.zeros(size, dtype=torch.bool)
    x1, y1, x2, y2 = window.tolist()
    for y in range(size[0]):
        for x in range(size[1]):
            u, v = (x + 0.5 - x1) / (x2 - x1), (y + 0.5 - y1) / (y2 - y1)
            if not (0 <= u <= 1 and 0 <= v <= 1):
                continue
            a, b = min(max(v * m - 0.5, 0), m - 1), min(max(u * m - 0.5, 0), m - 1)
            i, j = int(a), int(b)
            k, n = min(i + 1, m - 1), min(j + 1, m - 1)
            p, q = a - i, b - j
            value = ((1 - p) * (1 - q) * prob[i, j] + (1 - p) * q * prob[i, n] + p * (1 - q) * prob[k, j] +
                     p * q * prob[k, n])
            mask[y, x] = value > 0.5
    return mask


def example(count=6, size=(23, 31), seed=0):
    generator = torch.Generator().manual_seed(seed)
    probs = F.avg_pool2d(torch.rand(count, 9, 9, generator=generator), 3, 1, 1).clamp(0, 1)
    corner = torch.rand(count, 2, generator=generator) * 30 - 8
    side = 5 + torch.rand(count, 1, generator=generator) * 20
    return probs, torch.cat([corner, corner + side], dim=1), torch.rand(count, generator=generator), size


@pytest.mark.parametrize('seed', range(3))
@pytest.mark.parametrize('chunk', [1, 2000, 2**21])
def test_masks_and_boxes_equal_the_whole_image_transcription(monkeypatch, seed, chunk):
    monkeypatch.setattr(window_masks, 'CHUNK_PIXELS', chunk)
    probs, windows, scores, size = example(seed=seed)
    result = window_proposals(probs, windows, scores, size, iou_thr=1.0)
    wanted = torch.stack([slow_paste(p, w, size) for p, w in zip(probs, windows, strict=True)])
    order = scores.argsort(descending=True)
    order = order[wanted[order].flatten(1).any(1)]
    assert torch.equal(result.masks, wanted[order])
    assert torch.equal(result.scores, scores[order])
    assert torch.equal(result.bboxes, mask_boxes(wanted[order]))
    assert result.labels.tolist() == [0] * len(order)


def test_boxes_are_tight_with_exclusive_ends():
    masks = torch.zeros(3, 6, 8, dtype=torch.bool)
    masks[0, 2:4, 5] = True
    masks[1] = True
    assert mask_boxes(masks).tolist() == [[5, 2, 6, 4], [0, 0, 8, 6], [0, 0, 0, 0]]


def test_near_doubles_are_suppressed_by_the_mask_s_box_not_the_window():
    probs = torch.zeros(3, 4, 4)
    probs[0, :2, :2] = probs[1, 2:, 2:] = probs[2, :2, :2] = 1
    windows = torch.tensor([[0.0, 0, 16, 16]] * 3)
    result = window_proposals(probs, windows, torch.tensor([0.5, 0.4, 0.9]), (16, 16), iou_thr=0.8)
    assert result.scores.tolist() == pytest.approx([0.9, 0.4])


def test_the_best_are_kept_and_empty_windows_dropped():
    probs, windows, scores, size = example(40)
    probs[scores.argmax()] = 0
    every = window_proposals(probs, windows, scores, size, iou_thr=1.0, max_per_img=100)
    assert scores.max() not in every.scores
    assert len(every) > 20
    few = window_proposals(probs, windows, scores, size, iou_thr=1.0, max_per_img=5)
    assert torch.equal(window_proposals(probs, windows, scores, size, iou_thr=1.0, max_per_img=-1).masks, every.masks)
    assert torch.equal(few.masks, every.masks[:5])


def test_no_window_gives_empty_masks():
    result = window_proposals(torch.zeros(0, 4, 4), torch.zeros(0, 4), torch.zeros(0), (7, 9))
    assert result.masks.shape == (0, 7, 9)
    assert result.bboxes.shape == (0, 4)


def test_candidates_cost_no_whole_images(monkeypatch):
    """2,000 windows on an image of 4,000 x 4,000: only a chunk and the ten kept masks are ever allocated."""
    sizes = []
    plain = F.grid_sample
    monkeypatch.setattr(window_masks.F, 'grid_sample', lambda x, grid, **k: sizes.append(grid.numel()) or plain(
        x, grid, **k))
    probs = torch.rand(2000, 7, 7)
    corner = torch.rand(2000, 2) * 3900
    window_proposals(probs, torch.cat([corner, corner + 42], 1), torch.rand(2000), (4000, 4000), max_per_img=10)
    assert max(sizes) <= 2 * window_masks.CHUNK_PIXELS

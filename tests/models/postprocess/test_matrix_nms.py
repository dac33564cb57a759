"""Matrix NMS: the golden case, stock mmdet, blocks, and what stock gets wrong."""

import pytest
import torch
from golden_cases import GoldenCase
from mmdet.models.layers import mask_matrix_nms
from solo_cases import unpack

from mmseg_plugins.models.postprocess.matrix_nms import intersections, matrix_decay, matrix_nms


def random_masks(number=40, seed=0, classes=3):
    generator = torch.Generator().manual_seed(seed)
    centers = torch.rand(number, 2, generator=generator) * 20 + 2
    ys, xs = torch.meshgrid(torch.arange(24), torch.arange(24), indexing='ij')
    reach = torch.rand(number, generator=generator) * 6 + 2
    masks = ((ys - centers[:, :1, None])**2 + (xs - centers[:, 1:, None])**2) < reach[:, None, None]**2
    return masks, torch.randint(classes, (number, ), generator=generator), torch.rand(number, generator=generator)


@pytest.mark.golden
def test_golden_case():
    case = GoldenCase('matrix_nms')
    shape = tuple(case.facts['config'][key] for key in ('instances', 'height', 'width'))
    masks = torch.from_numpy(unpack(case.arrays['mask_bits'], shape)).bool()
    labels, scores = case.arrays['labels'], case.arrays['scores']
    inter, areas = intersections(masks), masks.sum((1, 2)).float()
    case.check({
        'decayed_gaussian_sigma2': scores * matrix_decay(inter, areas, labels, 'gaussian', 2.0),
        'decayed_gaussian_sigma05': scores * matrix_decay(inter, areas, labels, 'gaussian', 0.5),
        'decayed_linear': scores * matrix_decay(inter, areas, labels, 'linear'),
    })


@pytest.mark.parametrize('kernel', ['gaussian', 'linear'])
@pytest.mark.parametrize('limits', [dict(), dict(nms_pre=25, filter_thr=0.2, max_num=7)])
@pytest.mark.parametrize('seed', range(3))
def test_stock_gives_the_same(kernel, limits, seed):
    masks, labels, scores = random_masks(seed=seed)
    wanted, _, _, kept = mask_matrix_nms(masks, labels, scores, kernel=kernel, **limits)
    found, order = matrix_nms(masks, labels, scores, kernel=kernel, **limits)
    assert torch.equal(found, wanted)
    assert torch.equal(order, kept)
    assert len(found) > 1


def test_blocks_of_pixels_give_the_same_counts():
    masks, _, _ = random_masks()
    assert torch.equal(intersections(masks, block_bytes=1), intersections(masks))
    order = torch.tensor([5, 3, 9])
    flat = masks[order].flatten(1).float()
    assert torch.equal(intersections(masks, order), flat @ flat.T)


def test_no_block_is_larger_than_asked(monkeypatch):
    sizes = []
    original = torch.Tensor.float
    monkeypatch.setattr(torch.Tensor, 'float', lambda self: (sizes.append(self.numel() * 4), original(self))[1])
    intersections(torch.ones(10, 64, 64, dtype=torch.bool), block_bytes=4000)
    assert len(sizes) > 40
    assert max(sizes) <= 4000


def test_counts_stay_exact_under_autocast():
    masks = torch.ones(2, 51, 51, dtype=torch.bool)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        assert intersections(masks).tolist() == [[2601] * 2] * 2
        flat = masks.flatten(1).float()
        assert (flat @ flat.T).float()[0, 0] != 2601  # what stock computes


def test_equal_masks_do_not_make_nan_with_the_linear_kernel():
    masks = torch.zeros(4, 4, 4, dtype=torch.bool)
    masks[:3, :2], masks[3, 3] = True, True
    scores, labels = torch.tensor([0.9, 0.8, 0.7, 0.6]), torch.zeros(4, dtype=torch.long)
    found, _ = matrix_nms(masks, labels, scores, kernel='linear')
    assert found.tolist() == pytest.approx([0.9, 0.6, 0, 0])
    assert mask_matrix_nms(masks, labels, scores, kernel='linear')[0].isnan().any()


def test_masks_of_other_classes_are_left_alone():
    masks = torch.ones(2, 4, 4, dtype=torch.bool)
    scores = torch.tensor([0.9, 0.8])
    assert matrix_nms(masks, torch.tensor([0, 1]), scores)[0].tolist() == pytest.approx([0.9, 0.8])
    assert matrix_nms(masks, torch.tensor([1, 1]), scores)[0][1].item() == pytest.approx(0.8 * torch.e**-2, rel=1e-4)


def test_nothing_in_nothing_out():
    empty = torch.zeros(0, 4, 4, dtype=torch.bool)
    found, order = matrix_nms(empty, torch.zeros(0, dtype=torch.long), torch.zeros(0), nms_pre=5, max_num=3)
    assert len(found) == len(order) == 0


def test_an_unknown_kernel_is_named():
    with pytest.raises(ValueError, match="'gaussian' and 'linear', not 'soft'"):
        matrix_nms(*random_masks(), kernel='soft')

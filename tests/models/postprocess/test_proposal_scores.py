"""DeconvNet's aggregation of proposals and its ensemble, against loops over pixels."""

import pytest
import torch
import torch.nn.functional as F

from mmseg_plugins.models.postprocess import fcn_ensemble, max_of_proposals, score_proposals, select_proposals


def test_small_proposals_are_passed_over_and_the_first_are_kept():
    boxes = torch.tensor([[0, 0, 200, 111], [0, 0, 112, 112], [5, 5, 300, 200], [0, 0, 10, 300], [1, 1, 150, 150]])
    assert select_proposals(boxes).tolist() == boxes[[1, 2, 4]].tolist()
    assert select_proposals(boxes, max_number=1).tolist() == [boxes[1].tolist()]
    assert select_proposals(boxes[:1]).shape == (0, 4)


def test_every_pixel_has_its_largest_score_and_at_least_zero():
    generator = torch.Generator().manual_seed(0)
    boxes = torch.tensor([[0, 0, 9, 7], [3, 2, 12, 10], [1, 0, 3, 10], [-4, -2, 3, 13]])
    scores = torch.randn(4, 2, 5, 5, generator=generator)
    ours = max_of_proposals(iter(scores), boxes, (10, 14))
    for row in range(10):
        for column in range(14):
            for channel in range(2):
                found = [0.0]
                for (x1, y1, x2, y2), score in zip(boxes.tolist(), scores, strict=True):
                    if x1 <= column < x2 and y1 <= row < y2:
                        big = F.interpolate(score[None], (y2 - y1, x2 - x1), mode='bilinear', align_corners=False)[0]
                        found.append(big[channel, row - y1, column - x1].item())
                assert ours[channel, row, column].item() == pytest.approx(max(found))
    assert (ours[:, :, 12:] == 0).all()


def test_crops_are_scored_at_the_network_s_size_and_come_back_to_their_boxes():
    seen = []

    def network(crop):
        seen.append(tuple(crop.shape))
        return crop[:, :2]

    image = torch.rand(3, 20, 30) + 1
    whole = torch.tensor([[0, 0, 30, 20]])
    result = score_proposals(network, image, torch.cat([whole, torch.tensor([[10, 4, 20, 14]])]), side=40)
    assert seen == [(1, 3, 40, 40)] * 2
    assert result.shape == (2, 20, 30)
    assert (result - image[:2]).abs().mean() < 0.2  # smoothed by the two resizings, in place


def test_ensemble_multiplies_what_fcn_finds_positive():
    fcn, deconv = torch.tensor([-2.0, 3.0, 0.0]).view(3, 1, 1), torch.tensor([5.0, -1.0, 4.0]).view(3, 1, 1)
    assert fcn_ensemble(fcn, deconv).flatten().tolist() == [0, -3, 0]
    with pytest.raises(ValueError, match=r'\(3, 1, 1\) and \(2, 1, 1\)'):
        fcn_ensemble(fcn, deconv[:2])


def test_what_lies_outside_the_image_is_padded_and_not_kept():
    seen = []

    def network(crop):
        seen.append(crop)
        return crop

    image, black = torch.ones(3, 4, 6), torch.tensor([7.0, 8.0, 9.0])
    result = score_proposals(network, image, torch.tensor([[-2, 0, 2, 4]]), side=4, pad_value=black)
    assert seen[0][0, :, 0].tolist() == [[7, 7, 1, 1], [8, 8, 1, 1], [9, 9, 1, 1]]
    assert result[0].tolist() == [[1, 1, 0, 0, 0, 0]] * 4


@pytest.mark.parametrize('box', [[10, 0, 11, 5], [-5, 0, 0, 5], [3, 3, 3, 5], [0, 0, 4.5, 5]])
def test_boxes_without_a_pixel_of_the_image_are_named(box):
    boxes = torch.tensor([[0, 0, 10, 8], box])
    for call in (lambda: max_of_proposals(torch.zeros(2, 2, 4, 4), boxes, (8, 10)),
                 lambda: score_proposals(lambda x: x, torch.zeros(3, 8, 10), boxes)):
        with pytest.raises(ValueError, match=r'proposal 1 is .*the image 10 x 8'):
            call()
    with pytest.raises(ValueError, match=r'no proposal.*\[\[0, 0, 10, 8\]\]'):
        max_of_proposals([], torch.zeros(0, 4), (8, 10))

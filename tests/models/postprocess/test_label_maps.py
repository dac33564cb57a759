"""Masks of a label map: sizes, thresholds, order, what is dropped, chunks."""

import pytest
import torch
import torch.nn.functional as F

from mmseg_plugins.models.postprocess import label_maps
from mmseg_plugins.models.postprocess.label_maps import instances_of_label_map, keep_best


def example(seed=0):
    generator = torch.Generator().manual_seed(seed)
    label_map = torch.randint(0, 4, (5, 6), generator=generator).repeat_interleave(2, 0).repeat_interleave(2, 1)
    return label_map, torch.tensor([0.2, 0.9, 0.5]), torch.tensor([4, 5, 6])


def test_a_map_of_the_frame_s_size_is_taken_as_it_is():
    label_map, scores, labels = example()
    result = instances_of_label_map(label_map, scores, labels, 1, (10, 12), (10, 12))
    assert result.scores.tolist() == pytest.approx([0.9, 0.5, 0.2])
    assert result.labels.tolist() == [5, 6, 4]
    for mask, number in zip(result.masks, (2, 3, 1), strict=True):
        assert torch.equal(mask, label_map == number)


@pytest.mark.parametrize('chunk', [1, 2**23])
def test_padding_is_cut_before_the_frame_is_resized(monkeypatch, chunk):
    monkeypatch.setattr(label_maps, 'CHUNK_PIXELS', chunk)
    label_map, scores, labels = example(1)
    result = instances_of_label_map(label_map, scores, labels, 4, (37, 45), (74, 91))
    for mask, number in zip(result.masks, (2, 3, 1), strict=True):
        soft = F.interpolate((label_map == number)[None, None].float(), scale_factor=4, mode='bilinear')[..., :37, :45]
        assert torch.equal(mask, F.interpolate(soft, size=(74, 91), mode='bilinear')[0, 0] > 0.5)


def test_instances_without_a_pixel_are_left_out():
    label_map = torch.tensor([[0, 0, 3, 3]] * 4)
    scores, labels = torch.tensor([0.9, 0.8, 0.7]), torch.tensor([0, 0, 2])
    result = instances_of_label_map(label_map, scores, labels, 1, (4, 4), (4, 4))
    assert result.labels.tolist() == [2]
    assert result.bboxes.tolist() == [[2, 0, 4, 4]]
    none = instances_of_label_map(torch.zeros(4, 4).long(), torch.zeros(0), torch.zeros(0).long(), 2, (8, 7), (9, 9))
    assert none.masks.shape == (0, 9, 9)
    assert none.bboxes.shape == (0, 4)


def test_the_best_are_kept_and_numbered_anew():
    label_map = torch.tensor([[0, 1, 2, 3]])
    kept, scores, labels = keep_best(label_map, torch.tensor([0.1, 0.9, 0.5]), torch.tensor([7, 8, 9]), 2)
    assert kept.tolist() == [[0, 0, 1, 2]]
    assert (scores.tolist(), labels.tolist()) == (pytest.approx([0.9, 0.5]), [8, 9])


@pytest.mark.parametrize('limit', [-1, 0])
def test_without_a_limit_all_are_kept(limit):
    label_map = torch.tensor([[0, 1, 2, 3]])
    kept, scores, labels = keep_best(label_map, torch.tensor([0.1, 0.9, 0.5]), torch.tensor([7, 8, 9]), limit)
    assert kept.tolist() == [[0, 3, 1, 2]]
    assert (scores.tolist(), labels.tolist()) == (pytest.approx([0.9, 0.5, 0.1]), [8, 9, 7])

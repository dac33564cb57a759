"""From cells to instances: the stream of best masks, chunks, boxes, point NMS."""

import pytest
import torch
from mmengine.config import ConfigDict

from mmseg_plugins.models.postprocess.solo_masks import (
    BestMasks,
    choose_cells,
    chunks,
    full_size_masks,
    items_per_chunk,
    point_nms,
)
from mmseg_plugins.structures.masks import mask_boxes

CFG = ConfigDict(score_thr=0.1, mask_thr=0.5, nms_pre=10, filter_thr=0.05, kernel='gaussian', sigma=2.0, max_per_img=4)


class Source:
    """Random soft masks of any cells; remembers how many were asked for at a time."""

    def __init__(self, cells=50, size=(8, 8)):
        self.soft = torch.rand(cells, *size, generator=torch.Generator().manual_seed(1))
        self.asked = []

    def __call__(self, cells):
        self.asked.append(len(cells))
        return self.soft[cells].clone()


@pytest.mark.parametrize('piece', [1, 3, 7, 40])
def test_the_best_of_a_stream_are_those_of_a_sort(piece):
    generator = torch.Generator().manual_seed(0)
    scores, masks = torch.rand(40, generator=generator), torch.rand(40, 2, 2, generator=generator) > 0.5
    best = BestMasks(12, (2, 2), torch.device('cpu'))
    for part in chunks(torch.arange(40), piece):
        best.add(masks[part], scores[part], part, masks[part].sum((1, 2)).float())
    wanted = scores.topk(12).indices.sort().values
    assert best.count == 12
    assert torch.equal(best.items.sort().values, wanted)
    assert torch.equal(best.masks, masks[best.items])
    assert torch.equal(best.scores, scores[best.items])
    assert torch.equal(best.areas, masks[best.items].sum((1, 2)).float())


def test_fewer_than_the_capacity_leave_room():
    best = BestMasks(5, (2, 2), torch.device('cpu'))
    best.add(torch.ones(2, 2, 2, dtype=torch.bool), torch.tensor([0.2, 0.3]), torch.tensor([7, 8]), torch.ones(2))
    assert best.count == 2
    assert best.items[:2].tolist() == [7, 8]


def test_chunks_change_nothing_and_are_never_larger_than_asked():
    scores = torch.rand(50, 2, generator=torch.Generator().manual_seed(2))
    results = []
    for chunk_bytes in (1, 3 * 8 * 8 * 4, 2**27):
        source = Source()
        results.append(choose_cells(scores, torch.full((50, ), 4.0), source, (8, 8), CFG, chunk_bytes))
        assert max(source.asked) <= items_per_chunk(64, chunk_bytes)
    for other in results[1:]:
        assert torch.equal(other.cells, results[0].cells)
        assert torch.equal(other.labels, results[0].labels)
        torch.testing.assert_close(other.scores, results[0].scores)
    assert len(results[0].cells) == 4


def test_full_size_masks_come_in_pieces_of_the_size_asked_for():
    source, cells = Source(), torch.arange(6)
    keywords = dict(stride=4, map_size=(8, 8), img_shape=(30, 28), out_shape=(60, 70), mask_thr=0.5)
    whole = list(full_size_masks(cells, source, **keywords))
    assert [len(piece) for piece in whole] == [6]
    pieces = list(full_size_masks(cells, source, chunk_bytes=2 * 4 * (32 * 32 + 60 * 70), **keywords))
    assert [len(piece) for piece in pieces] == [2, 2, 2]
    assert torch.equal(torch.cat(pieces), whole[0])
    assert whole[0].shape == (6, 60, 70)
    assert whole[0].dtype == torch.bool


def test_nothing_above_the_threshold_gives_nothing():
    source = Source()
    chosen = choose_cells(torch.zeros(50, 2), torch.ones(50), source, (8, 8), CFG)
    assert [len(part) for part in chosen] == [0, 0, 0]
    assert source.asked == []


def test_masks_not_larger_than_their_stride_are_dropped():
    soft = torch.zeros(2, 8, 8)
    soft[0].flatten()[:8], soft[1].flatten()[:9] = 0.9, 0.8
    scores, strides = torch.full((2, 1), 0.5), torch.full((2, ), 8.0)
    chosen = choose_cells(scores, strides, lambda cells: soft[cells].clone(), (8, 8), CFG)
    assert chosen.cells.tolist() == [1]
    assert chosen.scores.tolist() == pytest.approx([0.4])


def test_point_nms_keeps_the_lower_right_maximum():
    scores = torch.tensor([[0.1, 0.3, 0.2], [0.4, 0.2, 0.5], [0.1, 0.1, 0.6]])[None, None]
    assert torch.equal(point_nms(scores)[0, 0], torch.tensor([[0.1, 0.3, 0], [0.4, 0, 0.5], [0, 0, 0.6]]))


def test_boxes_are_tight_and_half_open():
    masks = torch.zeros(3, 6, 9, dtype=torch.bool)
    masks[0, 3, 5] = True
    masks[1, 1:4, 2:9] = True
    assert mask_boxes(masks).tolist() == [[5, 3, 6, 4], [2, 1, 9, 4], [0, 0, 0, 0]]
    assert mask_boxes(masks[:0]).shape == (0, 4)

"""Suppression of boxes: the kept boxes and their order are those of mmcv's loop over boxes."""

from __future__ import annotations

import importlib

import pytest
import torch
from slow_mmcv_ops import degenerate_boxes, random_boxes, slow_nms_groups, slow_soft_nms
from torch import Tensor

from mmseg_plugins.ops.nms import nms, nms_match
from mmseg_plugins.ops.soft_nms import METHODS, soft_nms


def apart(count: int, classes: int) -> tuple[Tensor, Tensor]:
    """Boxes of several classes, moved apart as ``batched_nms`` moves them."""
    boxes, scores = random_boxes(count)
    boxes = boxes - boxes.min()
    return boxes + (torch.arange(count) % classes * (boxes.max() + 1))[:, None], scores


nms_module = importlib.import_module('mmseg_plugins.ops.nms')  # the package's attribute of this name is the function
INPUTS = {
    'none': (torch.zeros(0, 4), torch.zeros(0)),
    'one': (torch.tensor([[1., 2, 3, 4]]), torch.tensor([0.5])),
    'random': random_boxes(120),
    'degenerate': degenerate_boxes(),
    'classes apart': apart(120, 7),
    'classes that touch': (torch.tensor([[0., 0, 9, 9], [9, 0, 18, 9], [10, 0, 18, 9]]).repeat(3, 1), torch.arange(9.)),
}


@pytest.fixture(params=[4, 64, 4096])
def _block(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks smaller than, about as long as and longer than the list, and tables cut into parts."""
    monkeypatch.setattr(nms_module, 'BLOCK', request.param)
    monkeypatch.setattr(nms_module, 'MAX_PAIRS', 16 * request.param)


@pytest.mark.usefixtures('_block')
@pytest.mark.parametrize('offset', [0, 1])
@pytest.mark.parametrize('threshold', [-0.1, 0.0, 0.3, 0.5, 1.0])
@pytest.mark.parametrize('name', INPUTS)
def test_nms_keeps_what_the_loop_keeps(name: str, threshold: float, offset: int) -> None:
    boxes, scores = INPUTS[name]
    wanted = [group[0] for group in slow_nms_groups(boxes, scores, threshold, offset, inclusive=False)]
    assert nms(boxes, scores, threshold, offset).tolist() == wanted


@pytest.mark.usefixtures('_block')
@pytest.mark.parametrize('threshold', [0.0, 0.3, 0.5, 1.0])
@pytest.mark.parametrize('name', INPUTS)
def test_nms_match_groups_as_the_loop_does(name: str, threshold: float) -> None:
    boxes, scores = INPUTS[name]
    dets = torch.cat([boxes, scores[:, None]], 1)
    assert nms_match(dets, threshold) == slow_nms_groups(boxes, scores, threshold, 0, inclusive=True)


@pytest.mark.parametrize('pairs', [0, 1 << 22])
@pytest.mark.parametrize('offset', [0, 1])
@pytest.mark.parametrize('method', METHODS)
@pytest.mark.parametrize('name', INPUTS)
def test_soft_nms_gives_the_loops_scores_and_order(name: str, method: str, offset: int, pairs: int,
                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    """With the weights of all pairs made at once, and for one chosen box at a time."""
    monkeypatch.setattr(importlib.import_module('mmseg_plugins.ops.soft_nms'), 'MAX_PAIRS', pairs)
    boxes, scores = INPUTS[name]
    wanted, wanted_index = slow_soft_nms(boxes, scores, 0.3, 0.5, 0.05, method, offset)
    dets, index = soft_nms(boxes, scores, 0.3, 0.5, 0.05, method, offset)
    assert index.tolist() == wanted_index.tolist()
    torch.testing.assert_close(dets, wanted, rtol=0, atol=0, equal_nan=True)


def test_classes_that_are_apart_are_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight classes of 300 boxes: an eighth of the pairs, give or take the order in blocks."""
    pairs = count_pairs(monkeypatch)
    boxes, scores = apart(2400, 8)
    nms(boxes, scores, 0.5)
    assert sum(pairs) < 2400 * 2400 / 8 * 1.2


def count_pairs(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A list that gets the number of pairs of every table."""
    pairs: list[int] = []
    suppresses = nms_module._suppresses

    def counted(above: Tensor, below: Tensor, rule: object) -> Tensor:
        pairs.append(above.size(1) * below.size(1))
        return suppresses(above, below, rule)

    monkeypatch.setattr(nms_module, '_suppresses', counted)
    return pairs


def test_a_chain_longer_than_any_round_is_resolved_from_the_front() -> None:
    """Each box overlaps the next one only: every second one stays."""
    left = torch.arange(300.) * 4
    boxes = torch.stack([left, torch.zeros(300), left + 10, torch.ones(300)], 1)
    boxes[:, 2] = left + 7
    assert nms(boxes, torch.arange(300, 0, -1).float(), 0.2).tolist() == list(range(0, 300, 2))


def test_an_overlap_equal_to_the_threshold_is_not_above_it() -> None:
    boxes, scores = torch.tensor([[0., 0, 10, 10], [0, 0, 10, 3]]), torch.tensor([0.9, 0.8])
    assert nms(boxes, scores, 0.3).tolist() == [0, 1]  # 0.3 in float32 is a little more than 0.3
    assert nms_match(torch.cat([boxes, scores[:, None]], 1), 0.3) == [[0, 1]]


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_are_read(dtype: torch.dtype) -> None:
    boxes, scores = torch.tensor([[0., 0, 8, 8], [0, 0, 8, 7], [4, 4, 12, 12]], dtype=dtype), torch.arange(3.).to(dtype)
    assert nms(boxes, scores, 0.5).tolist() == [2, 1]


def test_many_boxes_need_no_table_of_all_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    """20,000 boxes have 200 million pairs; no table holds more than a block's with as many others."""
    pairs = count_pairs(monkeypatch)
    boxes, scores = random_boxes(20_000)
    assert 1000 < len(nms(boxes, scores, 0.3)) < 10_000
    assert max(pairs) <= nms_module.MAX_PAIRS


@pytest.mark.parametrize(('boxes', 'scores', 'offset', 'message'), [
    ((3, 5), (3, ), 0, r'shapes \(3, 5\) and \(3,\)'),
    ((3, 4), (2, ), 0, r'must be \(N, 4\) and \(N,\)'),
    ((3, 4), (3, ), 2, 'offset=2'),
])
def test_what_cannot_be_read_is_refused(boxes: tuple, scores: tuple, offset: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        nms(torch.zeros(boxes), torch.zeros(scores), 0.5, offset)
    with pytest.raises(ValueError, match=message):
        soft_nms(torch.zeros(boxes), torch.zeros(scores), offset=offset)

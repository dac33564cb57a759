"""Assembling: a slow copy loop as the oracle, crops at k = 1, borders, gradients, errors."""

import pytest
import torch

from mmseg_plugins.ops.assemble import assemble, window_corners, windows_inside


def copied(maps, windows, size, outside=0.0):
    """Cell by cell: which part of the window, which map, which place."""
    k = round(maps.size(1)**0.5)
    out = torch.full((len(windows), size, size), outside, dtype=maps.dtype)
    for n, (image, top, left) in enumerate(windows.tolist()):
        for p in range(size):
            for q in range(size):
                y, x = top + p, left + q
                if 0 <= y < maps.size(2) and 0 <= x < maps.size(3):
                    out[n, p, q] = maps[image, (p * k // size) * k + q * k // size, y, x]
    return out


def random_windows(count, batch, height, width, seed=0):
    generator = torch.Generator().manual_seed(seed)
    limits = [(0, batch), (-6, height), (-6, width)]
    return torch.stack([torch.randint(low, high, (count, ), generator=generator) for low, high in limits], dim=1)


@pytest.mark.parametrize(('k', 'size'), [(1, 5), (2, 5), (3, 9), (5, 21), (7, 21), (5, 5), (3, 4)])
@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16])
def test_equals_the_copy_loop(k, size, dtype):
    maps = torch.randn(2, k * k, 9, 13).to(dtype)
    windows = random_windows(20, 2, 9, 13)
    assert torch.equal(assemble(maps, windows, size, -7.0), copied(maps, windows, size, -7.0))


def test_one_position_is_a_crop():
    maps = torch.randn(1, 1, 12, 12)
    assert torch.equal(assemble(maps, torch.tensor([[0, 3, 5]]), 6)[0], maps[0, 0, 3:9, 5:11])


def test_parts_of_21_cells_in_5_are_5_4_4_4_4():
    maps = torch.arange(25.0)[None, :, None, None].expand(1, 25, 21, 21)
    window = assemble(maps, torch.tensor([[0, 0, 0]]), 21)[0]
    assert window[0].long().bincount().tolist() == [5, 4, 4, 4, 4]
    assert (window[:, 0] / 5).long().bincount().tolist() == [5, 4, 4, 4, 4]


def test_gradcheck_with_overlapping_windows():
    maps = torch.randn(2, 4, 4, 5, dtype=torch.float64, requires_grad=True)
    windows = random_windows(6, 2, 4, 5)
    assert torch.autograd.gradcheck(lambda m: assemble(m, windows, 4), maps)


def test_no_window_keeps_the_graph():
    maps = torch.randn(1, 4, 4, 5, requires_grad=True)
    out = assemble(maps, torch.zeros(0, 3, dtype=torch.long), 4)
    assert out.shape == (0, 4, 4)
    out.sum().backward()
    assert maps.grad.abs().sum() == 0


def test_inside_marks_the_cells_on_the_map():
    inside = windows_inside(torch.tensor([[0, -1, 2]]), 3, (2, 4))
    assert inside[0].tolist() == [[False] * 3, [True, True, False], [True, True, False]]


@pytest.mark.parametrize('size', [3, 4])
def test_every_cell_has_its_window(size):
    corners = window_corners((2, 3), size)
    assert corners.shape == (6, 2)
    assert corners[0].tolist() == [-(size // 2)] * 2
    assert (corners - corners[0]).tolist() == [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2]]


@pytest.mark.parametrize(('channels', 'size', 'words'), [(8, 9, ['8 score maps', 'k * k']),
                                                         (25, 4, ['4 x 4', '5 x 5'])])
def test_bad_shapes_are_named(channels, size, words):
    with pytest.raises(ValueError) as error:
        assemble(torch.zeros(1, channels, 9, 9), torch.zeros(1, 3, dtype=torch.long), size)
    assert all(word in str(error.value) for word in words)

"""Direction pooling: analytic cases, the golden case, the slow oracle, gradients, edges, low precision, errors."""

import math
import sys

import numpy as np
import pytest
import slow_masklab as slow
import torch
from golden_cases import GoldenCase, rel_error

from mmseg_plugins.ops import crop_and_resize, crop_channel, direction_channels, direction_pool

BOX = torch.tensor([[0, 8., 16, 40, 36]])


def random_rois(num, batch=2, size=64, seed=0):
    """Boxes inside the image whose corners are no multiples of anything."""
    rng = np.random.RandomState(seed)
    low, extent = rng.uniform(0, size * 0.6, (num, 2)), rng.uniform(3, size * 0.4, (num, 2))
    return torch.tensor(np.column_stack([rng.randint(0, batch, num), low, low + extent]))


def one_hot_maps(channels, height=8, width=8):
    """Channel c is the constant c + 1: what is pooled names the channel it came from."""
    return torch.arange(1., channels + 1).view(1, -1, 1, 1).expand(-1, -1, height, width).contiguous()


def golden_rois(case):
    boxes = case.arrays['boxes']
    return torch.cat([boxes.new_zeros(len(boxes), 1), boxes], 1)


def unpack(bits, n):
    return torch.from_numpy(np.unpackbits(bits.numpy(), axis=1)[:, :n * n].reshape(-1, n, n).astype(bool))


@pytest.mark.golden
def test_bins_and_maps_are_those_of_the_golden_case():
    case = GoldenCase('masklab_direction_pooling')
    config, rois, labels = case.facts['config'], golden_rois(case), case.arrays['labels']
    bins, weights = (config['directions'], config['distance_bins']), config['fuse_weights']
    for n in config['crop_sizes']:
        direction, semantic = (case.arrays[name].clone().requires_grad_() for name in ('direction', 'semantic'))
        clear = ~unpack(case.arrays[f'n{n}_on_edge'], n)
        channels = direction_channels(rois, (n, n), *bins)
        assert torch.equal((channels // bins[1])[clear], case.arrays[f'n{n}_sector'].long()[clear])
        distance = case.arrays[f'n{n}_distance'].long().expand(len(rois), -1, -1)
        assert torch.equal((channels % bins[1])[clear], distance[clear])
        pooled = direction_pool(direction, rois, n, config['spatial_scale'], *bins)[:, 0]
        cropped = crop_channel(semantic, rois, labels, n, config['spatial_scale'])[:, 0]
        coarse = weights[0] * cropped + weights[1] * pooled + config['fuse_bias']
        for name, ours in (('semantic', cropped), ('direction', pooled), ('coarse', coarse)):
            assert rel_error(ours[clear], case.arrays[f'n{n}_{name}'][clear]) <= case.tolerance
        if f'n{n}_top_grad' in case.arrays:
            coarse.backward(case.arrays[f'n{n}_top_grad'])
            assert rel_error(direction.grad[0], case.arrays[f'n{n}_direction_grad']) <= case.tolerance
            assert rel_error(semantic.grad[0], case.arrays[f'n{n}_semantic_grad']) <= case.tolerance


@pytest.mark.parametrize(('directions', 'distances', 'size', 'outside'), [
    (8, 4, (9, 9), 'zero'), (8, 1, (7, 12), 'border'), (6, 3, (10, 4), 'zero'), (1, 1, (3, 3), 'zero'),
    (2, 4, (1, 5), 'border'), (4, 2, (1, 1), 'zero')])
def test_agrees_with_the_slow_loop(directions, distances, size, outside):
    torch.manual_seed(directions)
    maps = torch.randn(2, directions * distances, 7, 9, dtype=torch.float64)
    rois = random_rois(6)
    want = slow.direction_pool(maps, rois, size, 1 / 8, directions, distances, outside)
    got = direction_pool(maps, rois, size, 1 / 8, directions, distances, outside)
    torch.testing.assert_close(got, torch.from_numpy(want), rtol=1e-12, atol=1e-12)


def test_crop_of_a_channel_is_the_channel_of_the_whole_crop():
    maps, rois, labels = torch.randn(2, 5, 8, 8), random_rois(7).float(), torch.tensor([0, 4, 2, 2, 1, 3, 0])
    whole = crop_and_resize(maps, rois, (6, 5), 1 / 8)
    torch.testing.assert_close(crop_channel(maps, rois, labels, (6, 5), 1 / 8)[:, 0], whole[torch.arange(7), labels])


@pytest.mark.parametrize(('dy', 'dx', 'direction'), [
    (0.1, 1, 0), (0.9, 1, 0), (1, 0.9, 1), (1, 0.1, 1), (1, -0.1, 2), (0.1, -1, 3), (-0.1, -1, 4), (-1, -0.1, 5),
    (-1, 0.1, 6), (-0.1, 1, 7)])
def test_direction_points_from_the_position_to_the_centre(dy, dx, direction):
    """The point lies at centre - (dy, dx) in a square box: a point left of the centre looks right, direction 0."""
    n = 41
    row, column = (round((n - 1) / 2 * (1 - d)) for d in (dy, dx))
    square = torch.tensor([[0, 0., 0, 40, 40]])
    pooled = direction_pool(one_hot_maps(8), square, n, 1 / 8, 8, 1)
    assert pooled[0, 0, row, column].item() - 1 == direction


def test_distance_bins_are_a_quarter_of_the_half_diagonal_each():
    """Along the diagonal of any box the distance grows linearly from 0 at the centre to 1 at a corner."""
    channels = direction_channels(BOX, (81, 81))[0] % 4
    steps = torch.arange(40, -1, -1)  # point 0 is the corner
    inner = steps % 10 != 0  # the others lie on the edge of a bin
    assert torch.equal(channels.diagonal()[:41][inner], (steps // 10)[inner])
    assert channels[40, 0] == 2  # left edge, half-way down: 1 / sqrt(2)


def test_centre_and_degenerate_boxes_read_channel_zero():
    assert direction_channels(BOX, (5, 5))[0, 2, 2] == 0
    assert direction_channels(BOX, (1, 1)).item() == 0
    dot = torch.tensor([[0, 5., 5, 5, 5]])
    assert torch.equal(direction_channels(dot, (5, 5), 8, 1), torch.zeros(1, 5, 5, dtype=torch.long))


def test_every_channel_is_read_in_a_square_box():
    used = direction_channels(torch.tensor([[0, 0., 0, 30, 30]]), (41, 41)).unique()
    assert used.tolist() == list(range(32))


def test_an_instance_is_assembled_from_its_own_directions():
    """Maps built from one object's true directions give 1 in its box, and less in the box of its neighbour."""
    n, size = 41, 64
    boxes = torch.tensor([[0, 4., 4, 36, 36], [0, 24., 20, 56, 52]])
    maps = torch.zeros(1, 8, size, size)
    for y in range(size):
        for x in range(size):
            angle = math.atan2(20 - y, 20 - x) % (2 * math.pi)  # the center of the first box
            maps[0, min(7, int(angle / (math.pi / 4))), y, x] = 1
    own, neighbor = direction_pool(maps, boxes, n, 1.0, 8, 1)
    assert own.mean() > 0.9
    assert neighbor.mean() < 0.5


def test_order_of_the_rois_does_not_matter():
    maps, rois = torch.randn(2, 32, 8, 8), random_rois(9).float()
    order = torch.randperm(9)
    assert torch.equal(direction_pool(maps, rois[order], 9, 1 / 8), direction_pool(maps, rois, 9, 1 / 8)[order])


def test_permuted_directions_with_a_turned_image_give_the_turned_map():
    """Turn the image by 180 degrees and every direction by 4: the result is turned."""
    maps = torch.randn(1, 8, 9, 9, dtype=torch.float64)
    box, turned_box = torch.tensor([[0, 2., 1, 7, 5.]]).double(), torch.tensor([[0, 1., 3, 6, 7.]]).double()
    turned = maps.flip(2, 3).roll(4, 1)
    got = direction_pool(turned, turned_box, 8, 1.0, 8, 1).flip(2, 3)
    torch.testing.assert_close(got, direction_pool(maps, box, 8, 1.0, 8, 1))


def test_gradcheck_in_maps_and_rois():
    maps = torch.randn(2, 8, 5, 6, dtype=torch.float64, requires_grad=True)
    rois = random_rois(3, size=32).requires_grad_()
    assert torch.autograd.gradcheck(lambda m: direction_pool(m, rois.detach(), 3, 1 / 8, 4, 2), maps)

    def of_boxes(boxes):
        return direction_pool(maps.detach(), torch.cat([rois.detach()[:, :1], boxes], 1), (3, 4), 1 / 8, 4, 2)

    assert torch.autograd.gradcheck(of_boxes, rois.detach()[:, 1:].clone().requires_grad_())


def test_gradcheck_of_one_channel():
    maps = torch.randn(2, 3, 5, 6, dtype=torch.float64, requires_grad=True)
    labels = torch.tensor([2, 0, 1])
    assert torch.autograd.gradcheck(lambda m: crop_channel(m, random_rois(3, size=32), labels, 3, 1 / 8), maps)


def test_chunks_give_the_same(monkeypatch):
    maps, rois = torch.randn(2, 32, 8, 8), random_rois(9).float()
    whole = direction_pool(maps, rois, 9, 1 / 8)
    labels = torch.arange(9)
    one = crop_channel(maps, rois, labels, 9, 1 / 8)
    monkeypatch.setattr(sys.modules[direction_pool.__module__], 'MAX_POINTS', 200)
    assert torch.equal(direction_pool(maps, rois, 9, 1 / 8), whole)
    assert torch.equal(crop_channel(maps, rois, labels, 9, 1 / 8), one)


def test_no_roi_is_empty_and_connected():
    maps = torch.randn(1, 32, 8, 8, requires_grad=True)
    out = direction_pool(maps, torch.zeros(0, 5), 9, 1 / 8)
    assert out.shape == (0, 1, 9, 9)
    (out.sum() + crop_channel(maps, torch.zeros(0, 5), torch.zeros(0, dtype=torch.long), 9, 1 / 8).sum()).backward()
    assert not maps.grad.any()


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_low_precision_maps_keep_exact_coordinates(dtype):
    maps, rois = torch.randn(2, 32, 40, 40).to(dtype), random_rois(5, size=320).float()
    out = direction_pool(maps, rois, 41, 1 / 8)
    assert out.dtype == dtype
    assert torch.equal(out, direction_pool(maps.float(), rois, 41, 1 / 8).to(dtype))


@pytest.mark.parametrize('outside', ['zero', 'border'])
def test_beyond_the_last_cell(outside):
    """A box that ends with an image of 64 pixels reads up to cell 8 of 0..7."""
    maps = one_hot_maps(1)
    out = direction_pool(maps, torch.tensor([[0, 0., 0, 64, 64]]), 9, 1 / 8, 1, 1, outside)[0, 0]
    assert out[:8, :8].eq(1).all()
    assert out[8].eq(0 if outside == 'zero' else 1).all()


def test_map_of_a_single_cell():
    out = direction_pool(one_hot_maps(8, 1, 1), BOX, 5, 1 / 64, 8, 1, 'border')
    assert torch.equal(out[0, 0].long() - 1, direction_channels(BOX, (5, 5), 8, 1)[0])


@pytest.mark.parametrize(('call', 'words'), [
    (lambda: direction_pool(one_hot_maps(8), BOX, 5, 1 / 8), ['8 directions x 4', '32 channels', 'have 8']),
    (lambda: direction_pool(one_hot_maps(8), BOX, 5, 1 / 8, 8, 1, 'mirror'), ["'mirror'", 'border']),
    (lambda: direction_pool(one_hot_maps(8), BOX, 0, 1 / 8, 8, 1), ['output_size=0']),
    (lambda: direction_channels(BOX, (5, 5), 0, 1), ['num_directions=0']),
    (lambda: crop_channel(one_hot_maps(8), BOX, torch.zeros(2, dtype=torch.long), 5, 1 / 8), ['(2,)', '1 RoIs']),
])
def test_bad_arguments_are_named(call, words):
    with pytest.raises(ValueError) as error:
        call()
    assert all(word in str(error.value) for word in words), error.value


def test_a_class_that_the_maps_do_not_have():
    with pytest.raises(IndexError, match='have 8'):
        crop_channel(one_hot_maps(8), BOX, torch.tensor([8]), 5, 1 / 8)


def test_pooling_does_not_grow_with_the_number_of_channels():
    """Memory of the graph: one gathered channel, not all of them."""
    seen = []
    maps, rois = torch.randn(1, 32, 16, 16, requires_grad=True), random_rois(50, batch=1, size=128).float()
    with torch.autograd.graph.saved_tensors_hooks(lambda t: seen.append(t.numel()) or t, lambda t: t):
        direction_pool(maps, rois, 41, 1 / 8)
    points = 50 * 41 * 41
    assert max(seen) <= points


def test_edges_on_the_last_cell_are_inside():
    """Rounding of the grid must not put the last point beyond a map that ends there."""
    ends = torch.arange(1., 200) * 0.7
    for end in ends.tolist():
        maps = torch.ones(1, 1, 3, 3)
        assert direction_pool(maps, torch.tensor([[0, 0., 0, end, end]]), 41, 2 / end, 1, 1).eq(1).all()

"""InclusiveDeltaXYWHBBoxCoder: the worked example, the inverse, clipping, per-class deltas."""

import math

import pytest
import torch
from mmdet.models.task_modules.coders import LegacyDeltaXYWHBBoxCoder

from mmseg_plugins.models.task_modules import InclusiveDeltaXYWHBBoxCoder

BOX = torch.tensor([[10.0, 20, 19, 39]])


def random_boxes(count):
    generator = torch.Generator().manual_seed(0)
    corner = torch.rand(count, 2, generator=generator) * 50
    return torch.cat([corner, corner + torch.rand(count, 2, generator=generator) * 40], 1)


def test_worked_example():
    decoded = InclusiveDeltaXYWHBBoxCoder().decode(BOX, torch.tensor([[1.0, 0, 0, math.log(2)]]))
    torch.testing.assert_close(decoded, torch.tensor([[20.0, 10, 29, 49]]))


def test_zero_deltas_change_nothing_unlike_the_stock_coder():
    zero = torch.zeros(1, 4)
    assert torch.equal(InclusiveDeltaXYWHBBoxCoder().decode(BOX, zero), BOX)
    assert not torch.equal(LegacyDeltaXYWHBBoxCoder().decode(BOX, zero), BOX)


def test_decode_is_the_inverse_of_encode():
    coder = InclusiveDeltaXYWHBBoxCoder(target_stds=(0.1, 0.1, 0.2, 0.2))
    boxes, truth = random_boxes(20), random_boxes(20).flip(0)
    torch.testing.assert_close(coder.decode(boxes, coder.encode(boxes, truth)), truth, rtol=1e-5, atol=1e-4)


def test_clips_to_the_last_pixel():
    decoded = InclusiveDeltaXYWHBBoxCoder().decode(
        torch.tensor([[-5.0, -5, 99, 99]]), torch.zeros(1, 4), max_shape=(30, 40))
    assert decoded.tolist() == [[0, 0, 39, 29]]


@pytest.mark.parametrize('count', [0, 1, 3])
def test_deltas_of_several_classes_keep_their_layout(count):
    coder = InclusiveDeltaXYWHBBoxCoder()
    boxes, deltas = random_boxes(count), torch.randn(count, 8, generator=torch.Generator().manual_seed(1)) * 0.1
    decoded = coder.decode(boxes, deltas, max_shape=(100, 100))
    assert decoded.shape == (count, 8)
    torch.testing.assert_close(decoded[:, 4:], coder.decode(boxes, deltas[:, 4:], max_shape=(100, 100)))

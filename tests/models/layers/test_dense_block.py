"""Dense layers: batch statistics at test time, and gradient checkpointing that changes nothing but the memory."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from mmseg_plugins.models.layers import batch_norm
from mmseg_plugins.models.layers.dense_block import DenseBlock, use_batch_statistics


def test_switched_off_it_is_torchs_batch_norm():
    torch.manual_seed(0)
    ours, theirs = batch_norm.TestTimeBatchNorm2d(3), nn.BatchNorm2d(3)
    x = torch.randn(4, 3, 5, 6)
    for mode in (True, False):
        assert torch.equal(ours.train(mode)(x), theirs.train(mode)(x))
    assert all(torch.equal(a, b) for a, b in zip(ours.buffers(), theirs.buffers(), strict=True))
    assert ours.state_dict().keys() == theirs.state_dict().keys()


def test_batch_statistics_in_evaluation_leave_the_running_ones_alone():
    norm = batch_norm.TestTimeBatchNorm2d(3).eval()
    norm.batch_statistics = True
    x = 5 + 3 * torch.randn(2, 3, 8, 8)
    y = norm(x)
    torch.testing.assert_close(y.mean((0, 2, 3)), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(y.var((0, 2, 3), unbiased=False), torch.ones(3), atol=1e-4, rtol=0)
    assert norm.running_mean.tolist() == [0, 0, 0]
    assert norm.num_batches_tracked == 0


def test_batch_statistics_of_one_value_name_the_shape_and_the_fix():
    norm = batch_norm.TestTimeBatchNorm2d(3).eval()
    norm.batch_statistics = True
    with pytest.raises(ValueError, match=r'\(1, 3, 1, 1\).*batch_statistics=False'):
        norm(torch.zeros(1, 3, 1, 1))


def test_the_switch_reaches_every_norm():
    block = DenseBlock(4, 2, 3)
    use_batch_statistics(block, True)
    assert [layer.norm.batch_statistics for layer in block.layers] == [True] * 3


def run(with_cp, dropout=0.3):
    torch.manual_seed(0)
    block = DenseBlock(4, 3, 4, dropout=dropout, with_cp=with_cp).train()
    x = torch.randn(2, 4, 9, 7, requires_grad=True)
    kept = []
    torch.manual_seed(1)
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append((t.data_ptr(), t.nbytes)) or t, lambda t: t):
        everything, new = block(x)
    (everything.square().sum() + new.sum()).backward()
    gradients = [x.grad, *(p.grad for p in block.parameters())]
    return everything, gradients, list(block.buffers()), sum(dict(kept).values())


def test_checkpointing_gives_the_same_maps_gradients_and_running_statistics_from_less_memory():
    plain, again = run(False), run(True)
    torch.testing.assert_close(again[0], plain[0], rtol=0, atol=0)
    for one, other in zip(again[1], plain[1], strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)
    assert all(torch.equal(one, other) for one, other in zip(again[2], plain[2], strict=True))
    assert again[2][2] == 1  # batches counted once
    assert again[3] < plain[3] / 3


def test_the_stack_is_the_input_and_then_the_new_maps_in_order():
    torch.manual_seed(0)
    block = DenseBlock(2, 3, 2, dropout=0).eval()
    x = torch.randn(1, 2, 4, 4)
    everything, new = block(x)
    first = block.layers[0].conv(F.relu(block.layers[0].norm(x)))
    second = block.layers[1].conv(F.relu(block.layers[1].norm(torch.cat([x, first], 1))))
    torch.testing.assert_close(everything, torch.cat([x, first, second], 1))
    torch.testing.assert_close(new, torch.cat([first, second], 1))

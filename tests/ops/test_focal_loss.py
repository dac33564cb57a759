"""Focal losses: the paper's formulas, mmcv's treatment of weights and odd labels, gradients."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch.autograd import gradcheck

from mmseg_plugins.ops.focal_loss import sigmoid_focal_loss, softmax_focal_loss

LABELS = torch.tensor([0, 3, 1, 4, 2])  # 4 is background of four classes
WEIGHT = torch.tensor([1.0, 2, 0.5, 3], dtype=torch.float64)


def logits(spread: float = 3) -> torch.Tensor:
    return (torch.randn(5, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * spread)


def test_worked_example() -> None:
    """Half probability of the right class: 0.25 * 0.25 * log 2; of a wrong one three times that."""
    loss = sigmoid_focal_loss(torch.zeros(1, 2), torch.tensor([0]))
    torch.testing.assert_close(loss, torch.tensor([[1.0, 3.0]]) / 16 * math.log(2))


def test_sigmoid_focal_is_the_modulated_cross_entropy() -> None:
    x, target = logits(), F.one_hot(LABELS, 5)[:, :4].double()
    p = torch.where(target > 0, x.sigmoid(), 1 - x.sigmoid())
    balance = torch.where(target > 0, 0.3, 0.7)
    entropy = F.binary_cross_entropy_with_logits(x, target, reduction='none')
    torch.testing.assert_close(sigmoid_focal_loss(x, LABELS, 1.5, 0.3), balance * (1 - p)**1.5 * entropy)


def test_softmax_focal_is_the_modulated_cross_entropy() -> None:
    x, target = logits(), LABELS % 4
    p = x.softmax(1).gather(1, target[:, None])[:, 0]
    wanted = 0.3 * (1 - p)**1.5 * F.cross_entropy(x, target, reduction='none')
    torch.testing.assert_close(softmax_focal_loss(x, target, 1.5, 0.3), wanted)


def test_weights_are_looked_up_by_the_samples_label() -> None:
    ratio = sigmoid_focal_loss(logits(), LABELS, weight=WEIGHT) / sigmoid_focal_loss(logits(), LABELS)
    torch.testing.assert_close(ratio, torch.tensor([1, 3, 2, 1, 0.5], dtype=torch.float64)[:, None].expand(5, 4))


def test_a_label_below_zero_is_ignored_by_the_softmax_loss() -> None:
    x, labels = logits().requires_grad_(), torch.tensor([0, -1, 1, 3, 2])
    loss = softmax_focal_loss(x, labels, weight=WEIGHT)
    loss.sum().backward()
    assert x.grad is not None
    assert loss[1] == 0
    assert x.grad[1].abs().sum() == 0
    assert (x.grad[[0, 2, 3, 4]].abs().sum(1) > 0).all()


@pytest.mark.parametrize('weight', [None, WEIGHT])
@pytest.mark.parametrize('gamma', [1.5, 2.0])
def test_gradcheck(gamma: float, weight: torch.Tensor | None) -> None:
    x = logits().requires_grad_()
    assert gradcheck(lambda x: sigmoid_focal_loss(x, LABELS, gamma, 0.3, weight), x)
    assert gradcheck(lambda x: softmax_focal_loss(x, LABELS % 4, gamma, 0.3, weight), x)


def test_certain_and_hopeless_logits_stay_finite() -> None:
    x = torch.tensor([[500.0, -500], [-500, 500]], requires_grad=True)
    for loss in (sigmoid_focal_loss, softmax_focal_loss):
        value = loss(x, torch.tensor([0, 0])).sum()
        grad, = torch.autograd.grad(value, x)
        assert value.isfinite()
        assert grad.isfinite().all()


def test_no_samples() -> None:
    x = torch.zeros(0, 4, requires_grad=True)
    assert sigmoid_focal_loss(x, LABELS[:0]).shape == (0, 4)
    assert softmax_focal_loss(x, LABELS[:0]).shape == (0, )


@pytest.mark.parametrize('target', [torch.zeros(3).long(), torch.zeros(5)])
def test_a_target_that_cannot_be_read_is_refused(target: torch.Tensor) -> None:
    with pytest.raises(ValueError, match=r'must be \(N, C\) and int64 \(N,\)'):
        sigmoid_focal_loss(logits(), target)

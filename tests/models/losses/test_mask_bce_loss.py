"""Mask cross entropy: values, gradient, reductions, low precision, no mask at all, errors."""

import math

import pytest
import torch

from mmseg_plugins.models.losses import MaskBCELoss, mask_bce_loss


def slow(logits, targets):
    """The definition, point by point."""
    out = torch.zeros_like(logits)
    for index in range(logits.numel()):
        p = 1 / (1 + math.exp(-logits.flatten()[index].item()))
        t = targets.flatten()[index].item()
        out.view(-1)[index] = -t * math.log(p) - (1 - t) * math.log(1 - p)
    return out


def test_agrees_with_the_definition():
    torch.manual_seed(0)
    logits, targets = torch.randn(3, 2, 4, dtype=torch.float64) * 3, torch.rand(3, 2, 4, dtype=torch.float64)
    torch.testing.assert_close(mask_bce_loss(logits, targets), slow(logits, targets))
    weight = torch.rand(3, 1, 1, dtype=torch.float64)
    torch.testing.assert_close(mask_bce_loss(logits, targets, weight), slow(logits, targets) * weight)


def test_gradient_is_probability_minus_target():
    logits, targets = torch.randn(2, 3, 3, requires_grad=True), torch.rand(2, 3, 3)
    mask_bce_loss(logits, targets).sum().backward()
    torch.testing.assert_close(logits.grad, logits.detach().sigmoid() - targets)


def test_reductions_and_weights():
    logits, targets = torch.randn(2, 3, 3), torch.rand(2, 3, 3)
    points = mask_bce_loss(logits, targets)
    torch.testing.assert_close(MaskBCELoss(2.0)(logits, targets), 2 * points.mean())
    torch.testing.assert_close(MaskBCELoss(reduction='sum')(logits, targets), points.sum())
    torch.testing.assert_close(MaskBCELoss()(logits, targets, avg_factor=5), points.sum() / 5)
    assert MaskBCELoss()(logits, targets, reduction_override='none').shape == (2, 3, 3)


def test_no_mask_is_a_connected_zero():
    logits = torch.zeros(0, 3, 3, requires_grad=True)
    loss = MaskBCELoss()(logits, torch.zeros(0, 3, 3))
    assert loss == 0
    loss.backward()
    assert logits.grad is not None


def test_extreme_and_low_precision_logits_stay_finite():
    logits = torch.tensor([[[-300., 300, 0]]], dtype=torch.bfloat16)
    loss = mask_bce_loss(logits, torch.tensor([[[1., 0, 0.5]]]))
    assert loss.dtype == torch.float32
    assert torch.isfinite(loss).all()


@pytest.mark.parametrize(('call', 'words'), [
    (lambda: mask_bce_loss(torch.zeros(2, 3, 3), torch.zeros(2, 1, 3)), ['(2, 3, 3)', '(2, 1, 3)']),
    (lambda: MaskBCELoss(reduction='max'), ["'max'", 'mean']),
    (lambda: MaskBCELoss(reduction='sum')(torch.zeros(1, 1, 1), torch.zeros(1, 1, 1), avg_factor=2), ['avg_factor=2']),
    (lambda: MaskBCELoss()(torch.zeros(1, 1, 1), torch.zeros(1, 1, 1), reduction_override='max'), ["'max'"]),
])
def test_bad_arguments_are_named(call, words):
    with pytest.raises(ValueError) as error:
        call()
    assert all(word in str(error.value) for word in words), error.value

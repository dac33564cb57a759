"""PSENet's loss: the golden case, a slow transcription of the negative mining, images without an object."""

import re

import numpy as np
import pytest
import torch
from golden_cases import GoldenCase

from mmseg_plugins.models.losses import PSENetLoss
from mmseg_plugins.models.losses.psenet_loss import binary_miou, dice_loss, hard_negative_mask, psenet_losses


def slow_mask(logits, truth, valid, ratio):
    """The released rule for one image, with numpy's sort."""
    positives = int((truth & valid).sum())
    negatives = min(int(positives * ratio), int((~truth).sum()))
    if positives == 0 or negatives == 0:
        return valid
    threshold = np.sort(logits[~truth])[::-1][negatives - 1]
    return ((logits >= threshold) | truth) & valid


@pytest.mark.golden
def test_agrees_with_the_original():
    case = GoldenCase('psenet_loss')
    logits = case.arrays['logits'].requires_grad_()
    text, kernels, valid = (case.arrays[name] for name in ('gt_text', 'gt_kernels', 'training_mask'))
    whole, inner, selected = psenet_losses(logits, text, kernels, valid, case.facts['config']['ohem_ratio'])
    config = case.facts['config']
    whole, inner = config['loss_weight_text'] * whole, config['loss_weight_kernel'] * inner
    grad = torch.autograd.grad((whole + inner).mean(), logits)[0]
    bits = torch.from_numpy(np.packbits(selected.numpy().reshape(len(selected), -1), axis=1))
    stored = [int(n) for n in re.search(r'channels ([\d, ]+)', case.facts['arrays']['grad']['desc'])[1].split(',')]
    case.check(dict(
        loss_text=whole.detach(), loss_kernels=inner.detach(), iou_text=binary_miou(logits[:, 0], text, valid),
        iou_kernel=binary_miou(logits[:, -1], kernels[:, -1], text.bool() & valid.bool()),
        selected_mask_bits=bits, grad=grad[:, stored]))
    assert torch.equal(bits, case.arrays['selected_mask_bits'])
    module = PSENetLoss()(logits, text, kernels, valid)
    torch.testing.assert_close(module['loss_object'], whole.mean())
    torch.testing.assert_close(module['loss_kernel'], inner.mean())


@pytest.mark.parametrize('seed', range(6))
@pytest.mark.parametrize('ratio', [1, 3, 2.5])
def test_hard_negatives_equal_the_slow_rule(seed, ratio):
    rng = np.random.RandomState(seed)
    logits = rng.standard_normal((3, 9, 11)).astype(np.float32).round(1)  # ties
    truth = rng.rand(3, 9, 11) < [[[0.05]], [[0.4]], [[0.0]]]
    valid = rng.rand(3, 9, 11) < 0.8
    ours = hard_negative_mask(*(torch.from_numpy(x) for x in (logits, truth, valid)), ratio)
    for image in range(3):
        np.testing.assert_array_equal(ours[image], slow_mask(logits[image], truth[image], valid[image], ratio))


def test_only_the_hard_negatives_are_in_the_loss_of_the_objects():
    """The golden case has so many object pixels that its mining keeps everything; here it does not."""
    torch.manual_seed(0)
    logits = torch.randn(2, 3, 16, 16, requires_grad=True)
    truth = torch.zeros(2, 16, 16)
    truth[:, 3:7, 4:9] = 1
    whole, _, selected = psenet_losses(logits, truth, truth[:, None].expand(-1, 2, -1, -1), torch.ones(2, 16, 16))
    assert selected.sum(dim=(1, 2)).tolist() == [80, 80]
    whole.sum().backward()
    assert ((logits.grad[:, 0] != 0) == selected).all()


def test_an_image_that_is_all_object_or_all_unknown():
    logits = torch.randn(2, 4, 4)
    truth = torch.stack([torch.ones(4, 4), torch.zeros(4, 4)]).bool()
    valid = torch.stack([torch.ones(4, 4), torch.zeros(4, 4)]).bool()
    assert hard_negative_mask(logits, truth, valid).sum(dim=(1, 2)).tolist() == [16, 0]


def test_dice_of_a_perfect_and_of_a_wrong_map():
    truth = torch.zeros(1, 6, 6)
    truth[:, :3] = 1
    everywhere = torch.ones_like(truth)
    assert dice_loss(truth * 40 - 20, truth, everywhere).item() < 1e-3
    assert dice_loss(20 - truth * 40, truth, everywhere).item() > 0.99


def test_empty_batch_gives_finite_losses_with_a_gradient():
    logits = torch.randn(2, 3, 8, 8, requires_grad=True)
    zeros = torch.zeros(2, 8, 8)
    losses = PSENetLoss()(logits, zeros, torch.zeros(2, 2, 8, 8), torch.ones(2, 8, 8))
    total = losses['loss_object'] + losses['loss_kernel']
    total.backward()
    assert total.isfinite()
    assert logits.grad.isfinite().all()
    assert all(loss.isfinite() for loss in PSENetLoss()(logits, zeros, torch.zeros(2, 2, 8, 8), zeros).values())

"""InstanceFCN's loss: a slow transcription, cells outside, nothing positive, low precision."""

import torch
import torch.nn.functional as F

from mmseg_plugins.models.losses import InstanceFCNLoss
from mmseg_plugins.models.losses.instance_fcn_loss import instance_fcn_loss


def example(positives=3, windows=7, size=4):
    generator = torch.Generator().manual_seed(0)
    masks = torch.randn(positives, size, size, generator=generator)
    targets = (torch.rand(positives, size, size, generator=generator) > 0.5).float()
    inside = torch.rand(positives, size, size, generator=generator) > 0.3
    logits = torch.randn(windows, generator=generator)
    labels = (torch.arange(windows) < positives)
    return logits, labels, masks, targets, inside


def test_equals_the_transcription():
    logits, labels, masks, targets, inside = example()
    objectness = sum(F.softplus(-x) if y else F.softplus(x) for x, y in zip(logits, labels, strict=True)) / 7
    mask = 0.0
    for window, target, valid in zip(masks, targets, inside, strict=True):
        cells = [F.softplus(-x) if t else F.softplus(x)
                 for x, t, v in zip(window.flatten(), target.flatten(), valid.flatten(), strict=True) if v]
        mask += sum(cells) / len(cells) / 3
    torch.testing.assert_close(torch.stack(instance_fcn_loss(logits, labels, masks, targets, inside)),
                               torch.stack([objectness, mask]))


def test_cells_off_the_map_have_no_gradient():
    logits, labels, masks, targets, inside = example()
    masks.requires_grad_()
    instance_fcn_loss(logits, labels, masks, targets, inside)[1].backward()
    assert masks.grad[~inside].abs().sum() == 0
    assert (masks.grad[inside] != 0).all()


def test_nothing_sampled_is_zero_and_keeps_the_graph():
    logits = torch.zeros(0, requires_grad=True)
    masks = torch.zeros(0, 4, 4, requires_grad=True)
    losses = InstanceFCNLoss()(logits, torch.zeros(0), masks, torch.zeros(0, 4, 4), torch.zeros(0, 4, 4))
    assert [loss.item() for loss in losses.values()] == [0, 0]
    sum(losses.values()).backward()
    assert logits.grad is not None
    assert masks.grad is not None


def test_weights_scale_the_terms_and_half_precision_is_summed_in_float32():
    args = example()
    plain, weighted = InstanceFCNLoss()(*args), InstanceFCNLoss(objectness_weight=2, mask_weight=3)(*args)
    torch.testing.assert_close(weighted['loss_objectness'], 2 * plain['loss_objectness'])
    torch.testing.assert_close(weighted['loss_mask'], 3 * plain['loss_mask'])
    half = [x.bfloat16() if x.is_floating_point() else x for x in args]
    assert all(loss.dtype == torch.float32 for loss in InstanceFCNLoss()(*half).values())

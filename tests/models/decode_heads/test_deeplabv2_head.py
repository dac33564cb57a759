"""DeepLab v2's head: four dilated classifiers, added."""

import pytest
import torch
import torch.nn.functional as F
from semantic_batches import random_labels, semantic_batch

from mmseg_plugins.models.decode_heads import DeepLabV2Head

LOSS = dict(type='CrossEntropyLoss', avg_non_ignore=True)


def test_scores_are_the_sum_of_the_branches():
    head = DeepLabV2Head(4, num_classes=3, dilations=(1, 2, 6), in_index=1)
    x = torch.randn(2, 4, 9, 7)
    expected = sum(
        F.conv2d(x, branch.weight, branch.bias, padding=rate, dilation=rate)
        for branch, rate in zip(head.branches, (1, 2, 6), strict=True))
    torch.testing.assert_close(head([None, x]), expected)


def test_every_parameter_has_a_gradient_where_nothing_is_labelled():
    head = DeepLabV2Head(4, num_classes=3, label_stride=8, loss_decode=LOSS)
    samples = semantic_batch([torch.full((32, 40), 255)])['data_samples']
    loss = head.loss([torch.randn(1, 4, 4, 5)], samples, {})['loss_ce']
    assert loss == 0
    loss.backward()
    assert all(p.grad is not None and not p.grad.any() for p in head.parameters())


def test_the_loss_at_the_labels_size_respects_align_corners():
    head = DeepLabV2Head(4, num_classes=3, align_corners=True, loss_decode=LOSS)
    label, x = random_labels((33, 41), 3), torch.randn(1, 4, 5, 6)
    big = F.interpolate(head([x]), size=(33, 41), mode='bilinear', align_corners=True)
    loss = head.loss([x], semantic_batch([label])['data_samples'], {})['loss_ce']
    torch.testing.assert_close(loss, F.cross_entropy(big, label[None], ignore_index=255))


def test_first_weights_are_the_papers():
    head = DeepLabV2Head(256, num_classes=21)
    head.init_weights()
    assert all(branch.weight.std().item() == pytest.approx(0.01, rel=0.1) for branch in head.branches)
    assert not any(branch.bias.any() for branch in head.branches)

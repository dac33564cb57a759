"""mmseg's contract without mmseg's classifier."""

import pytest
import torch
from mmseg.models.losses import CrossEntropyLoss
from semantic_batches import random_labels, semantic_batch
from torch import nn
from torch.nn import functional as F

from mmseg_plugins.models.decode_heads import OwnClassifierHead
from mmseg_plugins.models.layers import subsample_labels


class Net(OwnClassifierHead):

    def __init__(self, **kwargs):
        super().__init__(4, num_classes=3, loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True), **kwargs)
        self.score = nn.Conv2d(4, 3, 1)

    def forward(self, inputs):
        return self.score(self._transform_inputs(inputs))


def test_nothing_of_mmsegs_classifier_is_left():
    head = Net()
    assert sorted(dict(head.named_parameters())) == ['score.bias', 'score.weight']
    assert head.dropout is None
    assert isinstance(head.loss_decode, CrossEntropyLoss)


def test_loss_at_the_scores_stride_reads_every_eighth_label():
    head = Net(label_stride=8)
    label = random_labels((33, 41), 3)
    samples = semantic_batch([label])['data_samples']
    scores = torch.randn(1, 3, 5, 6)
    losses = head.loss_by_feat(scores, samples)
    expected = F.cross_entropy(scores, label[None, ::8, ::8], ignore_index=255)
    torch.testing.assert_close(losses['loss_ce'], expected)


def test_loss_at_the_labels_size_is_mmsegs():
    label = random_labels((32, 40), 3)
    samples = semantic_batch([label])['data_samples']
    scores = torch.randn(1, 3, 4, 5)
    losses = Net().loss_by_feat(scores, samples)
    big = F.interpolate(scores, size=(32, 40), mode='bilinear', align_corners=False)
    torch.testing.assert_close(losses['loss_ce'], F.cross_entropy(big, label[None], ignore_index=255))


def test_several_losses_of_one_name_are_added():
    head = Net(label_stride=8)
    head.loss_decode = nn.ModuleList([head.loss_decode, head.loss_decode])
    samples = semantic_batch([random_labels((32, 40), 3)])['data_samples']
    scores = torch.randn(1, 3, 4, 5)
    both = head.loss_by_feat(scores, samples)['loss_ce']
    head.loss_decode = head.loss_decode[0]
    torch.testing.assert_close(both, 2 * head.loss_by_feat(scores, samples)['loss_ce'])


def test_scores_beyond_the_label_name_both_sizes():
    with pytest.raises(ValueError, match=r'5 x 6 cells.*33 x 41 px have 3 x 3 at stride 16'):
        subsample_labels(torch.zeros(1, 33, 41), 16, (5, 6))

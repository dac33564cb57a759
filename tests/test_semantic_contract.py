"""Every semantic system of the common small setting keeps the contract; the checks themselves can fail."""

from pathlib import Path

import pytest
import torch
from config_files import NAMES, loaded
from mmengine.config import ConfigDict
from mmengine.registry import MODELS as ROOT_MODELS
from mmseg.models.losses import CrossEntropyLoss, accuracy
from semantic_batches import random_labels, semantic_batch
from semantic_contract import build_segmentor, check_one_channel, check_training, one_channel, predicts
from torch import nn

from mmseg_plugins.models.decode_heads import OwnClassifierHead

SYSTEMS = [name for name in NAMES if name.endswith('1000it-crop224_camvid.py')]

OWN_ARGUMENTS = ('scales', 'own_grids')  # of MultiScaleEncoderDecoder, no EncoderDecoder's

# Training crops are 64 px unless a network needs more.
CROPS = {'deconvnet': 224}  # its fc6 must see exactly one window

# Sizes (height, width) that a network refuses, and why; everything else must be predicted.
REFUSED = {
    'deconvnet': ((65, 49), (1, 1)),  # windows of 224 x 224 slide over images that are at least as large
    'enet_port': ((1, 1), ),  # pooling and convolution of a one-pixel map differ in size
    'fc-densenet': ((1, 1), ),  # five poolings need 32 px
}


def options_of(table, name, default):
    """The entry of the longest stem with which the config's name begins."""
    stems = [stem for stem in table if Path(name).name.startswith(stem)]
    return table[max(stems, key=len)] if stems else default


def test_every_folder_with_a_camvid_config_has_one_in_the_common_small_setting():
    folders = {name.split('/')[1] for name in NAMES if name.endswith('camvid.py')}
    assert {name.split('/')[1] for name in SYSTEMS} == folders - {'semi_supervised'}  # few labels, a table of its own


@pytest.mark.parametrize('name', SYSTEMS)
def test_system(name):
    size = options_of(CROPS, name, 64)
    model = build_segmentor(loaded(name).model.to_dict(), size)
    check_training(model, size)
    for height, width in ((65, 49), (1, 1)):
        assert predicts(model, height, width) != ((height, width) in options_of(REFUSED, name, ()))


@pytest.mark.parametrize(('place', 'name'), enumerate(SYSTEMS))
def test_system_learns_from_unlabeled_images(place, name):
    """In place of ``EncoderDecoder``, each of the two for every second system."""
    size = options_of(CROPS, name, 64)
    kind = dict(type='mmseg_plugins.AdvSemiSeg', semi_start=0, threshold=0.0, discriminator=dict(channels=2))
    if place % 2:
        kind = dict(type='mmseg_plugins.MeanTeacher', threshold=0.0)
    described = {key: value for key, value in loaded(name).model.to_dict().items() if key not in OWN_ARGUMENTS}
    model = build_segmentor(described | kind, size)
    batch = semantic_batch([random_labels((size, size), model.num_classes, seed=seed) for seed in range(4)])
    for sample in batch['data_samples'][2:]:
        del sample.gt_sem_seg
    data = model.data_preprocessor(batch, True)
    total, _ = model.parse_losses(model.loss(data['inputs'], data['data_samples']))
    total.backward()
    lacking = [name for name, p in model.named_parameters() if p.requires_grad and p.grad is None]
    assert (bool(torch.isfinite(total)), lacking) == (True, [])


@pytest.mark.parametrize('name', SYSTEMS)
def test_one_channel_of_foreground(name):
    """``out_channels=1`` trains and predicts, whole and in windows, alone and with test-time augmentation."""
    size = options_of(CROPS, name, 64)
    model = build_segmentor(one_channel(loaded(name).model.to_dict()), size)
    batch = semantic_batch([random_labels((size, size), 2), random_labels((size, size), 2, seed=1)])
    data = model.data_preprocessor(batch, True)
    total, _ = model.parse_losses(model.loss(data['inputs'], data['data_samples']))
    total.backward()
    lacking = [name for name, p in model.named_parameters() if p.requires_grad and p.grad is None]
    assert (bool(torch.isfinite(total)), lacking) == (True, [])
    for mode, width in (('whole', size), ('slide', size + 8)):
        model.test_cfg = ConfigDict(mode=mode, crop_size=(size, size), stride=(size // 2, size // 2))
        check_one_channel(model, size, width)


# The checks, on systems that keep the contract and on systems that break it.


class ToyHead(OwnClassifierHead):
    """One convolution over a map of stride 4; ``fault`` breaks one thing."""

    def __init__(self, fault=None, **kwargs):
        super().__init__(8, num_classes=3, loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True), **kwargs)
        self.fault = fault
        self.score = nn.Conv2d(8, 3, 1)
        if fault == 'unused':
            self.unused = nn.Conv2d(8, 3, 1)

    def forward(self, inputs):
        x = self._transform_inputs(inputs)
        if self.fault == 'divisor' and not self.training:
            raise ValueError('images of 65 x 49 px: sides must be divisible by 16, pad them to 80 x 64')
        if self.fault == 'unclear' and not self.training:
            raise ValueError('sizes do not match')
        return self.score(x)

    def loss_by_feat(self, seg_logits, batch_data_samples):
        losses = super().loss_by_feat(seg_logits, batch_data_samples)
        label = self._stack_batch_gt(batch_data_samples)
        if self.fault == 'nan':
            losses['loss_ce'] = losses['loss_ce'] * 0 + seg_logits.abs().sum() / (label != 255).sum()
        if self.fault == 'early':
            losses['loss_ce'] = losses['loss_ce'] if (label != 255).any() else torch.zeros((), requires_grad=True)
        return losses


@pytest.fixture
def toy():
    """Build the toy system with a fault."""
    ROOT_MODELS.register_module(name='ToyContractHead', module=ToyHead)

    def build(fault=None, size=32):
        return build_segmentor(
            dict(type='EncoderDecoder', data_preprocessor=dict(type='SegDataPreProcessor', size=(224, 224),
                                                               seg_pad_val=255),
                 backbone=dict(type='mmseg_plugins.VGG', depth=11, base_channels=4, out_indices=(1, ), with_bn=True),
                 decode_head=dict(type='mmengine.ToyContractHead', fault=fault, in_index=0),
                 train_cfg=dict(), test_cfg=dict(mode='whole')), size)

    yield build
    ROOT_MODELS.module_dict.pop('ToyContractHead')


@pytest.mark.parametrize(('fault', 'words'), [
    ('unused', r'normal labels: no gradient in .*unused\.weight'), ('nan', 'all-void'),
    ('early', r'all-void labels: no gradient in .*score')])
def test_broken_training_is_found(toy, fault, words):
    check_training(toy(), 32)
    with pytest.raises(AssertionError, match=words):
        check_training(toy(fault), 32)


def test_sizes_are_predicted_or_refused_with_a_reason(toy):
    assert predicts(toy(), 65, 49)
    assert not predicts(toy('divisor'), 65, 49)
    with pytest.raises(AssertionError, match='sizes do not match'):
        predicts(toy('unclear'), 65, 49)


def test_the_plain_loss_of_the_configs_is_0_on_void_alone():
    """CrossEntropyLoss(avg_non_ignore=True) divides by the number of labelled pixels; hosts guard the 0."""
    scores = torch.randn(2, 3, 4, 4, requires_grad=True)
    label = torch.full((2, 4, 4), 255)
    loss = CrossEntropyLoss(avg_non_ignore=True)(scores, label, ignore_index=255)
    loss.backward()
    assert loss == 0
    assert torch.equal(scores.grad, torch.zeros_like(scores))
    assert accuracy(scores, label, ignore_index=255).isfinite()

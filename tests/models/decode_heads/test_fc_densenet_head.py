"""FC-DenseNet's upward path in mmseg's segmentor."""

import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.registry import MODELS
from semantic_batches import random_labels, semantic_batch

from mmseg_plugins.models.backbones import FCDenseNet
from mmseg_plugins.models.decode_heads import FCDenseNetHead
from mmseg_plugins.models.layers.center_crop import center_crop


def segmentor(**kwargs):
    """A segmentor of mmseg around a narrow FC-DenseNet of two halvings."""
    layout = dict(growth_rate=3, dropout=0.1, **kwargs)
    return MODELS.build(ConfigDict(
        type='mmseg.EncoderDecoder',
        data_preprocessor=dict(type='mmseg.SegDataPreProcessor', mean=[0.0], std=[255.0], size_divisor=1),
        backbone=dict(
            type='mmseg_plugins.FCDenseNet', down_layers=(2, 1), bottleneck_layers=2, stem_channels=4, **layout),
        decode_head=dict(
            type='mmseg_plugins.FCDenseNetHead', in_channels=[10, 13, 6], up_layers=(1, 2), num_classes=3,
            loss_decode=dict(type='mmseg.CrossEntropyLoss', avg_non_ignore=True), **layout),
        train_cfg=dict(), test_cfg=dict(mode='whole')))


@pytest.mark.parametrize('size', [(16, 24), (13, 21), (4, 5)])
def test_scores_have_the_images_size_whatever_it_is(size):
    net = segmentor().eval()
    image = torch.randn(1, 3, *size)
    assert net.decode_head(net.backbone(image)).shape == (1, 3, *size)
    assert tuple(net.test_step(semantic_batch([random_labels(size, 3)]))[0].seg_logits.data.shape) == (3, *size)


@pytest.mark.parametrize('with_cp', [False, True])
def test_every_parameter_learns_and_a_void_batch_is_finite(with_cp):
    net = segmentor(with_cp=with_cp)
    net.init_weights()
    net.train()
    labels = [random_labels((20, 28), 3, seed=seed) for seed in range(2)]
    for void in (False, True):
        batch = semantic_batch([torch.full_like(label, 255) for label in labels] if void else labels)
        losses = net.loss(**net.data_preprocessor(batch, True))
        net.zero_grad()
        losses['decode.loss_ce'].backward()
        assert losses['decode.loss_ce'].isfinite()
        assert (losses['decode.loss_ce'] == 0) == void
        assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())


def test_with_batch_statistics_a_prediction_depends_on_the_batch_and_without_it_does_not():
    torch.manual_seed(0)
    images = torch.randn(2, 3, 16, 16)
    for switch in (False, True):
        net = segmentor(batch_statistics=switch).eval()
        with torch.no_grad():
            alone = net.decode_head(net.backbone(images[:1]))
            together = net.decode_head(net.backbone(images))[:1]
        assert torch.allclose(alone, together, atol=1e-5) != switch


def test_the_crop_is_centred_and_the_odd_pixel_goes_from_the_end():
    x = torch.arange(7.0)[None, None, :, None] * 10 + torch.arange(6.0)
    assert center_crop(x, (4, 4))[0, 0, :, 0].tolist() == [11.0, 21.0, 31.0, 41.0]
    assert center_crop(x, (6, 5))[0, 0, 0].tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_blocks_and_skips_must_be_as_many():
    with pytest.raises(ValueError, match=r'up_layers=\(1, 2\) for in_channels=\[10, 13\]'):
        FCDenseNetHead([10, 13], num_classes=3, up_layers=(1, 2))


def test_half_precision_trains():
    net = segmentor(with_cp=True).train()
    batch = net.data_preprocessor(semantic_batch([random_labels((16, 16), 3, seed=s) for s in range(2)]), True)
    with torch.autocast('cpu', torch.bfloat16):
        losses = net.loss(**batch)
    losses['decode.loss_ce'].backward()
    assert losses['decode.loss_ce'].isfinite()
    assert FCDenseNet(2, down_layers=(1, ), bottleneck_layers=1)(torch.randn(1, 3, 8, 8))[0].shape[-1] == 8

"""ENet's decoder and the classifier of its first stage."""

import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.registry import MODELS
from semantic_batches import random_labels, semantic_batch
from torch import nn
from torch.nn import functional as F

from mmseg_plugins.models.backbones import ENet
from mmseg_plugins.models.decode_heads import ENetEncoderHead, ENetHead

LOSS = dict(type='mmseg_plugins.WeightedCrossEntropyLoss', class_weight=[1.0, 4.0, 2.0], normalizer='weights')


def segmentor(head, variant='paper', width=4):
    """A segmentor of mmseg around a narrow ENet."""
    maps = [width, 4 * width, 8 * width, width, 4 * width, 3]
    heads = dict(
        full=dict(type='mmseg_plugins.ENetHead', in_channels=maps, variant=variant),
        encoder=dict(type='mmseg_plugins.ENetEncoderHead', in_channels=8 * width))
    return MODELS.build(ConfigDict(
        type='mmseg.EncoderDecoder',
        data_preprocessor=dict(type='mmseg.SegDataPreProcessor', mean=[0.0], std=[255.0], size_divisor=1),
        backbone=dict(type='mmseg_plugins.WithImage',
                      net=dict(type='mmseg_plugins.ENet', variant=variant, base_channels=width)),
        decode_head=dict(**heads[head], num_classes=3, loss_decode=LOSS),
        train_cfg=dict(), test_cfg=dict(mode='whole')))


@pytest.mark.parametrize('variant', ['paper', 'port'])
@pytest.mark.parametrize('size', [(48, 64), (45, 61), (9, 8), (50, 35)])
def test_scores_have_the_images_size_whatever_it_is(variant, size):
    net = segmentor('full', variant).eval()
    result = net.test_step(semantic_batch([random_labels(size, 3)]))[0]
    assert tuple(result.seg_logits.data.shape) == (3, *size)
    image = torch.randn(1, 3, *size)
    assert net.decode_head(net.backbone(image)).shape == (1, 3, *size)


@pytest.mark.parametrize('variant', ['paper', 'port'])
@pytest.mark.parametrize('head', ['full', 'encoder'])
def test_every_parameter_learns_and_a_void_batch_is_finite(variant, head):
    net = segmentor(head, variant).train()
    labels = [random_labels((48, 56), 3, seed=seed) for seed in range(2)]
    for void in (False, True):
        batch = semantic_batch([torch.full_like(label, 255) for label in labels] if void else labels)
        losses = net.loss(**net.data_preprocessor(batch, True))
        net.zero_grad()
        losses['decode.loss_ce'].backward()
        assert losses['decode.loss_ce'].isfinite()
        assert (losses['decode.loss_ce'] == 0) == void
        assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())


def test_the_first_stage_compares_every_eighth_label_and_weights_the_classes():
    net = segmentor('encoder').eval()
    label = random_labels((48, 56), 3)
    batch = net.data_preprocessor(semantic_batch([label]), True)
    losses = net.loss(**batch)
    scores = net.decode_head(net.backbone(batch['inputs']))
    assert scores.shape[-2:] == (6, 7)
    expected = F.cross_entropy(scores, label[None, ::8, ::8], torch.tensor(LOSS['class_weight']), ignore_index=255)
    torch.testing.assert_close(losses['decode.loss_ce'], expected)


def test_the_second_stage_takes_the_encoder_over_and_nothing_else():
    first, second = segmentor('encoder'), segmentor('full')
    result = second.load_state_dict(first.state_dict(), strict=False)
    assert all(name.startswith('decode_head.') for name in result.missing_keys)
    assert result.unexpected_keys == ['decode_head.encoder_score.weight', 'decode_head.encoder_score.bias']
    torch.testing.assert_close(second.backbone.net.down1.reduce[0].weight, first.backbone.net.down1.reduce[0].weight)


def test_the_paper_s_decoder_is_the_original_s():
    """One unpooling block and the end, from their description."""
    torch.manual_seed(0)
    head = ENetHead([4, 16, 32, 4, 16], num_classes=3).eval()
    assert [module.p for module in head.modules() if isinstance(module, nn.Dropout2d)] == [0.0] * 5
    assert not any(isinstance(module, nn.PReLU) for module in head.modules())
    block = head.up1
    assert (block.upsample.kernel_size, block.upsample.in_channels) == ((3, 3), 4)
    x, indices = torch.randn(1, 32, 4, 5), F.max_pool2d(torch.randn(1, 16, 8, 10), 2, return_indices=True)[1]

    def norm(layer, x):
        return F.batch_norm(x, layer.running_mean, layer.running_var, layer.weight, layer.bias, eps=1e-3)

    with torch.no_grad():
        main = norm(block.reduce[1], F.conv2d(x, block.reduce[0].weight)).relu()
        main = F.conv_transpose2d(main, block.upsample.weight, block.upsample.bias, 2, 1, 1)
        main = norm(block.expand[1], F.conv2d(norm(block.norm, main).relu(), block.expand[0].weight))
        short = norm(block.short[1], F.conv2d(x, block.short[0].weight))
        short = F.max_unpool2d(short, indices, 2)
        torch.testing.assert_close(block(x, indices, (8, 10)), (main + short).relu(), rtol=1e-4, atol=1e-5)
    assert (head.score.kernel_size, head.score.bias is None) == ((2, 2), False)


def test_maps_of_something_else_are_refused():
    with pytest.raises(ValueError, match=r'in_channels=\[64, 128\] must be \[w, 4w, 8w, w, 4w\]'):
        ENetHead([64, 128], num_classes=3)
    with pytest.raises(ValueError, match="variant='lua'"):
        ENetHead([4, 16, 32, 4, 16], num_classes=3, variant='lua')


def test_without_the_image_scores_have_twice_the_size_of_the_first_map():
    head = ENetHead([4, 16, 32, 4, 16], num_classes=3)
    maps = ENet(base_channels=4)(torch.randn(1, 3, 31, 40))
    assert head(maps).shape == (1, 3, 32, 40)
    assert ENetEncoderHead(32, num_classes=3)(maps).shape == (1, 3, 4, 5)


def test_half_precision_trains():
    net = segmentor('full').train()
    batch = net.data_preprocessor(semantic_batch([random_labels((32, 32), 3, seed=s) for s in range(2)]), True)
    with torch.autocast('cpu', torch.bfloat16):
        losses = net.loss(**batch)
    losses['decode.loss_ce'].backward()
    assert losses['decode.loss_ce'].isfinite()

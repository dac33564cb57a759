"""FCN's skip head: pixels in line with cells for every padding, first weights, training, other backbones, errors."""

import pytest
import torch
from mmengine.registry import MODELS
from semantic_batches import random_labels, semantic_batch
from torch import nn

from mmseg_plugins.models.decode_heads.fcn_skip_head import FCNSkipHead, fcn_cuts

SUM = dict(type='CrossEntropyLoss', reduction='sum')


def segmentor(skips=2, *, net=None, head=None, loss=SUM):
    net = dict(type='mmseg_plugins.FCNVGG', depth=11, base_channels=1, fc_channels=8) | (net or {})
    channels = [4, 8, 8, 3][2 - skips:]
    model = MODELS.build(dict(
        type='EncoderDecoder',
        data_preprocessor=dict(type='SegDataPreProcessor', size_divisor=1, pad_val=0, seg_pad_val=255),
        backbone=dict(type='mmseg_plugins.WithImage', net=net),
        decode_head=dict(type='mmseg_plugins.FCNSkipHead', in_channels=channels, num_classes=3, loss_decode=loss)
        | (head or {}),
        test_cfg=dict(mode='whole')))
    torch.manual_seed(0)
    for parameter in model.decode_head.parameters():
        if parameter.requires_grad:
            nn.init.normal_(parameter)
    return model


def passing_on(model):
    """Weights that hand the first channel of the image through to the scores."""
    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d):
            nn.init.dirac_(module.weight)
            nn.init.zeros_(module.bias)
            if 'score_' in name:
                module.weight.data.zero_()[:, 0] = 1
    return model.eval()


@pytest.mark.parametrize(('padding', 'fc_padding'), [(100, 0), (97, 0), (110, 0), (1, 3), (20, 3)])
@pytest.mark.parametrize(('skips', 'shift'), [(0, 15.5), (1, 15.5 + 7.5), (2, 15.5 + 7.5 + 3.5)])
def test_a_ramp_stays_in_its_place(padding, fc_padding, skips, shift):
    """A cell of s px holds the last px of its part of a ramp, (s - 1) / 2 px after its centre."""
    model = passing_on(segmentor(
        skips, net=dict(first_padding=padding, fc_padding=fc_padding),
        head=dict(padding=padding, fc_padding=fc_padding)))
    ramp = torch.arange(1, 321).float()
    with torch.no_grad():
        scores = model(ramp.expand(1, 3, 200, 320))
    inside = scores[0, 0, 100, 70:230]
    torch.testing.assert_close(inside, (skips + 1) * ramp[70:230] + shift, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize('size', [(1, 1), (7, 40), (33, 65)])
@pytest.mark.parametrize('padding', [(100, 0), (1, 3)])
def test_scores_have_the_images_size_whatever_it_is(size, padding):
    model = segmentor(net=dict(first_padding=padding[0], fc_padding=padding[1]),
                      head=dict(padding=padding[0], fc_padding=padding[1])).eval()
    with torch.no_grad():
        assert model(torch.randn(1, 3, *size)).shape == (1, 3, *size)


def test_the_published_offsets():
    assert fcn_cuts(100, 0, 0) == ([], 19)
    assert fcn_cuts(100, 0, 1) == ([5], 27)
    assert fcn_cuts(100, 0, 2) == ([5, 9], 31)


def test_a_stage_begins_as_the_stage_before_and_its_deconvolutions_stay_bilinear():
    model = segmentor()
    model.decode_head.init_weights()
    assert not any(p.any() for n, p in model.decode_head.named_parameters() if n.startswith('score_'))
    kernel = model.decode_head.upscore2.weight
    torch.testing.assert_close(kernel[0, 0, 0], torch.tensor([1, 3, 3, 1]) / 16)
    assert not kernel[0, 1].any()


@pytest.mark.parametrize(('head', 'trained'), [
    (dict(), set()),
    (dict(learn_sums=True, upscore2_bias=True), {'upscore2.weight', 'upscore2.bias', 'upscore_pool4.weight'}),
    (dict(learn_last=True), {'upscore8.weight'}),
])
def test_deconvolutions_are_frozen_unless_asked(head, trained):
    model = segmentor(head=head).decode_head
    assert {n for n, p in model.named_parameters() if p.requires_grad and 'upscore' in n} == trained


def test_at_once_scales_the_maps_in_front_of_their_scores():
    plain, scaled = segmentor().eval(), segmentor(head=dict(skip_scales=[0.5, 0.25])).eval()
    scaled.load_state_dict(plain.state_dict())
    scaled.decode_head.score_pool3.weight.data.mul_(2)
    scaled.decode_head.score_pool4.weight.data.mul_(4)
    image = torch.randn(1, 3, 20, 30)
    with torch.no_grad():
        torch.testing.assert_close(plain(image), scaled(image))


@pytest.mark.parametrize('loss', [
    SUM, dict(type='mmseg_plugins.WeightedCrossEntropyLoss', normalizer='sum')])
def test_the_summed_loss_of_both_classes(loss):
    model = segmentor(loss=loss, net=dict(dropout_ratio=0.0))
    batch = model.data_preprocessor(semantic_batch([random_labels((24, 40), 3)]), True)
    label = batch['data_samples'][0].gt_sem_seg.data
    expected = nn.functional.cross_entropy(model(batch['inputs']), label, ignore_index=255, reduction='sum')
    torch.testing.assert_close(model.loss(**batch)['decode.loss_ce'], expected)


@pytest.mark.parametrize('loss', [SUM, dict(type='CrossEntropyLoss', avg_non_ignore=True)])
@pytest.mark.parametrize('void', [False, True])
def test_every_trained_parameter_has_a_gradient_also_without_labels(loss, void):
    model = segmentor(loss=loss, net=dict(with_bn=True))
    label = torch.full((24, 40), 255) if void else random_labels((24, 40), 3)
    batch = model.data_preprocessor(semantic_batch([label, label]), True)
    value = model.loss(**batch)['decode.loss_ce']
    value.backward()
    assert torch.isfinite(value)
    grads = {n: p.grad for n, p in model.named_parameters() if p.requires_grad}
    assert all(grad is not None and torch.isfinite(grad).all() for grad in grads.values())
    assert void or grads['backbone.net.features.0.weight'].abs().sum() > 0


def test_bfloat16_trains():
    model = segmentor(loss=dict(type='CrossEntropyLoss', avg_non_ignore=True))
    batch = model.data_preprocessor(semantic_batch([random_labels((24, 40), 3)]), True)
    with torch.autocast('cpu', torch.bfloat16):
        value = model.loss(**batch)['decode.loss_ce']
    value.backward()
    assert torch.isfinite(value)


def test_a_stock_resnet_takes_vggs_place():
    model = segmentor(head=dict(in_channels=[16, 32, 64, 3], padding=1, fc_padding=3))
    model.backbone = MODELS.build(dict(type='mmseg_plugins.WithImage', net=dict(
        type='ResNet', depth=18, base_channels=8, stem_channels=8, out_indices=(1, 2, 3))))
    with torch.no_grad():
        assert model.eval()(torch.randn(1, 3, 45, 70)).shape == (1, 3, 45, 70)


def test_maps_of_other_places_are_read():
    head = FCNSkipHead([8, 3], num_classes=2, in_index=[0, 2], loss_decode=SUM)
    scores = head([torch.randn(1, 8, 2, 3), torch.zeros(1), torch.randn(1, 3, 33, 40)])
    assert scores.shape == (1, 2, 33, 40)


@pytest.mark.parametrize(('kwargs', 'words'), [
    (dict(in_channels=[8]), ['in_channels=[8]', '1 to 3 maps', 'the image']),
    (dict(in_channels=[4, 8, 3], skip_scales=[1, 1]), ['skip_scales=[1, 1]', '1 factors']),
    (dict(in_channels=[8, 3], padding=1), ['padding=1', '80 px inside', '100 and 0']),
    (dict(in_channels=[8, 3], fc_padding=2), ['fc_padding=2', '0', '3']),
    (dict(in_channels=[8, 3], input_transform='resize_concat'), ['resize_concat', 'multiple_select']),
])
def test_bad_arguments_are_named(kwargs, words):
    with pytest.raises(ValueError) as error:
        FCNSkipHead(num_classes=2, loss_decode=SUM, **kwargs)
    assert all(word in str(error.value) for word in words), error.value


def test_a_backbone_with_another_padding_is_refused_with_both_numbers():
    model = segmentor(net=dict(first_padding=1, fc_padding=3)).eval()
    with pytest.raises(ValueError, match=r'at pool4.*padding=100 and fc_padding=0 must be those of the backbone'):
        model(torch.randn(1, 3, 64, 64))

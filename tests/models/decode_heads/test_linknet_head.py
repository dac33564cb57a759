"""LinkNet's head: both published variants, any size, any encoder, training, errors."""

import math

import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.registry import MODELS
from semantic_batches import random_labels, semantic_batch
from torch import nn

from mmseg_plugins.models.decode_heads import LinkNetHead

CE = dict(type='CrossEntropyLoss', avg_non_ignore=True)
CHANNELS = [8, 8, 16, 32, 64]


def segmentor(loss=CE, depth=18, **head):
    norm = head.get('norm_cfg') or dict(type='BN')
    channels = CHANNELS if depth == 18 else [8, 32, 64, 128, 256]
    torch.manual_seed(0)
    model = MODELS.build(dict(
        type='EncoderDecoder',
        data_preprocessor=dict(type='SegDataPreProcessor', size_divisor=1, pad_val=0, seg_pad_val=255),
        backbone=dict(
            type='mmseg_plugins.TapBackbone', taps=['maxpool'],
            net=dict(type='mmseg.ResNet', depth=depth, base_channels=8, stem_channels=8, norm_cfg=norm)),
        decode_head=dict(
            type='mmseg_plugins.LinkNetHead', in_channels=channels, num_classes=3, tail_channels=4, loss_decode=loss)
        | head,
        test_cfg=ConfigDict(mode='whole')))
    model.init_weights()
    return model


@pytest.mark.parametrize(('size', 'covered'), [
    ((64, 96), (64, 96)), ((360, 480), (360, 480)), ((97, 131), (100, 132)), ((1, 1), (4, 4))])
def test_any_size_is_covered_and_multiples_of_4_exactly(size, covered):
    with torch.no_grad():
        assert segmentor().eval()(torch.randn(1, 3, *size)).shape == (1, 3, *covered)


def test_where_nothing_is_cut_the_same_cells_see_the_same_pixels():
    """An image of 72 rows is one of 96 rows to its first cells: what is cut lies at the far border."""
    model = segmentor().eval()
    image = torch.randn(1, 3, 96, 64)
    maps = model.extract_feat(image)
    short = [m[..., :-(-72 // stride), :] for m, stride in zip(maps, (4, 4, 8, 16, 32), strict=True)]
    with torch.no_grad():
        whole, cut = model.decode_head(maps), model.decode_head(short)
    assert cut.shape[2] == 72
    torch.testing.assert_close(cut[..., :32, :], whole[..., :32, :])


@pytest.mark.parametrize('depth', [18, 50])
def test_predicts_the_images_size_with_any_resnet(depth):
    model = segmentor(depth=depth).eval()
    batch = model.data_preprocessor(semantic_batch([random_labels((45, 70), 3)]), False)
    with torch.no_grad():
        result = model.predict(**batch)[0]
    assert result.pred_sem_seg.data.shape == (1, 45, 70)


def test_the_lua_variant_has_biases_and_another_epsilon():
    model = segmentor(norm_cfg=dict(type='BN', eps=1e-3), block_bias=True)
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    assert {norm.eps for norm in norms} == {1e-3}
    head = model.decode_head
    assert all(m.bias is not None for m in head.modules() if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d)))
    port = segmentor().decode_head
    assert [name for name, m in port.named_modules() if getattr(m, 'bias', None) is not None
            and not isinstance(m, nn.BatchNorm2d)] == ['tp_conv1.0', 'conv2.0', 'tp_conv2']


def test_first_weights_have_the_published_deviation():
    layer = segmentor().decode_head.decoder4.conv2[0]
    expected = math.sqrt(2 / layer.out_channels)
    assert layer.weight.std().item() == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize('void', [False, True])
def test_every_parameter_has_a_gradient_also_without_labels(void):
    weighted = dict(type='mmseg_plugins.WeightedCrossEntropyLoss', normalizer='weights', class_weight=[1, 2, 30])
    model = segmentor(loss=weighted)
    label = torch.full((37, 50), 255) if void else random_labels((37, 50), 3)
    batch = model.data_preprocessor(semantic_batch([label, label]), True)
    with torch.autocast('cpu', torch.bfloat16):
        value = model.loss(**batch)['decode.loss_ce']
    value.backward()
    assert torch.isfinite(value)
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in model.parameters())
    assert void or model.decode_head.decoder4.conv1[0].weight.grad.abs().sum() > 0


def test_maps_of_other_places_are_read():
    head = LinkNetHead(CHANNELS, num_classes=2, in_index=[0, 2, 3, 4, 5], loss_decode=CE)
    sides = (16, 1, 16, 8, 4, 2)
    maps = [torch.randn(2, c, side, side) for c, side in zip([8, 1, *CHANNELS[1:]], sides, strict=True)]
    assert head(maps).shape == (2, 2, 64, 64)


@pytest.mark.parametrize(('kwargs', 'words'), [
    (dict(in_channels=[8, 16, 32, 64]), ['in_channels=[8, 16, 32, 64]', 'five numbers']),
    (dict(in_channels=[8, 8, 16, 32, 62]), ['62', 'divisible by 4']),
    (dict(in_channels=CHANNELS, input_transform='resize_concat'), ['resize_concat', 'multiple_select']),
])
def test_bad_arguments_are_named(kwargs, words):
    with pytest.raises(ValueError) as error:
        LinkNetHead(num_classes=2, loss_decode=CE, **kwargs)
    assert all(word in str(error.value) for word in words), error.value


def test_maps_of_another_stride_are_refused():
    head = LinkNetHead(CHANNELS, num_classes=2, loss_decode=CE)
    maps = [torch.randn(2, c, side, side) for c, side in zip(CHANNELS, (16, 16, 8, 8, 8), strict=True)]
    with pytest.raises(ValueError, match=r'gives 16 x 16 cells for a map of 8 x 8.*strides 4.*32'):
        head(maps)

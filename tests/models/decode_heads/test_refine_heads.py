"""RefineNet's two decoders in mmseg's segmentor: any size, void labels, options, errors."""

import pytest
import torch
from golden_cases import golden_state_dict, rel_error
from mmengine.config import ConfigDict
from mmengine.registry import MODELS
from official_refinenet import refinenet_forward, refinenet_params
from semantic_batches import random_labels, semantic_batch
from torch import nn
from torch.nn import functional as F

from mmseg_plugins.models.decode_heads import LightRefineNetHead, RefineNetHead
from mmseg_plugins.weights.refinenet import convert_refinenet

LOSS = dict(type='CrossEntropyLoss', avg_non_ignore=True)
R18 = dict(type='ResNet', depth=18, base_channels=4, stem_channels=4)
MOBILE = dict(type='mmseg_plugins.ExpandedMobileNetV2', widen_factor=0.25, out_indices=(1, 2, 3, 4, 5, 6))
FOUR = dict(in_channels=[4, 8, 16, 32], num_classes=3, channels=6, top_channels=8, loss_decode=LOSS)
SIX = dict(FOUR, in_channels=[8, 8, 16, 24, 40, 80], map_groups=[1, 1, 2, 2], adapt=False, dropout_ratio=0.0,
           act_cfg=dict(type='ReLU6'))
SETTINGS = {
    'refinenet': (R18, dict(FOUR, type='mmseg_plugins.RefineNetHead')),
    'norms': (R18, dict(FOUR, type='mmseg_plugins.RefineNetHead', conv_first=True, num_pools=2,
                        norm_cfg=dict(type='GN', num_groups=2))),
    'light': (R18, dict(FOUR, type='mmseg_plugins.LightRefineNetHead')),
    'mobile': (MOBILE, dict(SIX, type='mmseg_plugins.LightRefineNetHead')),
}  # fmt: skip


def segmentor(name):
    backbone, head = SETTINGS[name]
    torch.manual_seed(0)
    model = MODELS.build(dict(
        type='EncoderDecoder', backbone=backbone, decode_head=head, test_cfg=ConfigDict(mode='whole'),
        data_preprocessor=dict(type='SegDataPreProcessor', size=(64, 64), pad_val=0, seg_pad_val=255)))
    model.init_weights()
    return model


@pytest.mark.parametrize('void', [0.1, 1.1])
@pytest.mark.parametrize('name', list(SETTINGS))
def test_training_reaches_every_parameter_also_where_all_labels_are_void(name, void):
    model = segmentor(name).train()
    labels = [random_labels((64, 64), 3, void=void, seed=seed) for seed in (0, 1)]
    data = model.data_preprocessor(semantic_batch(labels), True)
    loss = model.loss(data['inputs'], data['data_samples'])['decode.loss_ce']
    loss.backward()
    assert loss.isfinite()
    assert (loss == 0) == (void > 1)
    for key, parameter in model.named_parameters():
        assert parameter.grad is not None, key
        assert parameter.grad.isfinite().all(), key


@pytest.mark.parametrize('size', [(1, 1), (37, 90), (64, 33)])
@pytest.mark.parametrize('name', list(SETTINGS))
def test_any_image_gives_scores_of_its_own_size(name, size):
    model = segmentor(name).eval()
    data = model.data_preprocessor(semantic_batch([random_labels(size, 3)]), False)
    with torch.no_grad():
        result = model.predict(data['inputs'], data['data_samples'])[0]
    assert result.seg_logits.data.shape == (3, *size)
    assert result.seg_logits.data.isfinite().all()


def test_image_sized_scores_are_aligned_at_the_corners_by_default():
    model = segmentor('light').eval()
    image = torch.randn(1, 3, 41, 50)
    with torch.no_grad():
        maps = model.extract_feat(image)
        scores = model.decode_head(maps)
        expected = F.interpolate(scores, size=(41, 50), mode='bilinear', align_corners=True)
        metas = [dict(img_shape=(41, 50), ori_shape=(41, 50))]
        torch.testing.assert_close(model.encode_decode(image, metas), expected)
        model.decode_head.cascade.align_corners = False
        assert not torch.allclose(model.decode_head(maps), scores)


@pytest.mark.parametrize(('head', 'dropped'), [(RefineNetHead, 3), (LightRefineNetHead, 2)])
def test_dropout_is_on_the_two_coarsest_maps_and_before_the_heavy_classifier(head, dropped):
    net = head(**FOUR)
    seen = []
    net.drop.register_forward_hook(lambda module, args, out: seen.append(args[0].shape[1]))
    net([torch.randn(1, width, side, side) for width, side in zip((4, 8, 16, 32), (8, 4, 2, 1), strict=True)])
    assert sorted(seen) == sorted([16, 32, 6][:dropped])
    assert isinstance(net.drop, nn.Dropout)
    assert net.drop.p == 0.5


def test_parameter_counts_are_those_of_the_published_networks():
    with torch.device('meta'):
        heavy = RefineNetHead([256, 512, 1024, 2048], num_classes=21, loss_decode=LOSS)
        light = LightRefineNetHead([256, 512, 1024, 2048], num_classes=21, loss_decode=LOSS)
        r101, r50 = (MODELS.build(dict(type='ResNet', depth=depth)) for depth in (101, 50))

    def count(*nets):
        return round(sum(parameter.numel() for net in nets for parameter in net.parameters()) / 1e6, 3)

    assert count(r101, heavy) == 118.052
    assert count(r50, light) == 27.358


def test_maps_may_be_chosen_and_fewer():
    head = RefineNetHead([16, 32], in_index=[2, 3], num_classes=3, channels=6, top_channels=8, loss_decode=LOSS)
    maps = [torch.randn(1, width, side, side) for width, side in zip((4, 8, 16, 32), (8, 4, 2, 1), strict=True)]
    assert head(maps).shape == (1, 3, 2, 2)


def test_num_pools_and_order_reach_the_blocks():
    """Two pooling links: the transcription with two links; the other order gives other scores."""
    weights = golden_state_dict(
        refinenet_params((3, 4, 6, 3), light=False, width=2, channels=4, top=6, num_classes=3, pools=2), 5, 1.0)
    converted = {key: value for key, value in convert_refinenet(weights).items() if key.startswith('decode_head.')}
    maps = [torch.randn(1, 8 * 2**stage, 16 // 2**stage, 16 // 2**stage) for stage in range(4)]
    outs = []
    for conv_first in (False, True):
        head = RefineNetHead([8, 16, 32, 64], num_classes=3, channels=4, top_channels=6, num_pools=2,
                             conv_first=conv_first, loss_decode=LOSS).eval()
        head.load_state_dict({key.removeprefix('decode_head.'): value for key, value in converted.items()})
        outs.append(head(maps))
    assert rel_error(outs[1], outs[0]) > 0.01
    assert refinenet_forward(weights, torch.randn(1, 3, 64, 64)).shape == outs[0].shape


def test_groups_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match=r'map_groups=\[1, 2\] count 3 maps, .* names 4'):
        LightRefineNetHead(**FOUR, map_groups=[1, 2])
    head = LightRefineNetHead(**FOUR, map_groups=[2, 2])
    with pytest.raises(ValueError, match=r'sizes \[\(8, 8\), \(4, 4\)\] into one block'):
        head([torch.randn(1, width, side, side) for width, side in zip((4, 8, 16, 32), (8, 4, 2, 1), strict=True)])


@pytest.mark.parametrize('name', ['refinenet', 'light'])
def test_autocast_to_bfloat16_gives_finite_scores(name):
    model = segmentor(name).eval()
    with torch.no_grad(), torch.autocast('cpu', torch.bfloat16):
        assert model.decode_head(model.extract_feat(torch.randn(1, 3, 64, 64))).isfinite().all()

"""The global convolutional network in mmseg's segmentor: any size, void labels, ablations, errors."""

import pytest
import torch
from mmengine.registry import MODELS
from semantic_batches import random_labels, semantic_batch
from torch import nn

from mmseg_plugins.models.decode_heads import GlobalConvHead
from mmseg_plugins.models.layers import BoundaryRefinement

LOSS = dict(type='CrossEntropyLoss', avg_non_ignore=True)
SETTINGS = {
    'paper': dict(),
    'port': dict(kernel_size=7, upsample_method='bilinear'),
    'no refinement': dict(boundary_refinement=False),
    'baseline': dict(kernel_size=1, boundary_refinement=False),
}


def segmentor(name, in_channels=(4, 8, 16, 32, 3), **backbone):
    torch.manual_seed(0)
    model = MODELS.build(dict(
        type='EncoderDecoder',
        backbone=dict(
            type='mmseg_plugins.WithImage',
            net=dict(type='mmseg.ResNet', depth=18, base_channels=4, stem_channels=4, **backbone)),
        decode_head=dict(
            type='mmseg_plugins.GlobalConvHead', in_channels=list(in_channels), num_classes=3, loss_decode=LOSS,
            **SETTINGS[name]),
        test_cfg=dict(mode='whole'),
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


@pytest.mark.parametrize('size', [(1, 1), (37, 90), (64, 33), (3, 5)])
@pytest.mark.parametrize('name', list(SETTINGS))
def test_any_image_gives_scores_of_its_own_size(name, size):
    model = segmentor(name).eval()
    with torch.no_grad():
        assert model(torch.randn(2, 3, *size)).shape == (2, 3, *size)


def test_ablations_leave_out_their_parts():
    def has(name):
        head = segmentor(name).decode_head
        return sum(isinstance(part, BoundaryRefinement) for part in head.modules()), len(head.deconvs)

    assert [has(name) for name in SETTINGS] == [(9, 5), (9, 0), (0, 5), (0, 5)]
    baseline = segmentor('baseline').decode_head.kernels
    assert [kernel.kernel_size for kernel in baseline] == [(1, 1)] * 4


def test_parameter_count_is_that_of_the_port():
    with torch.device('meta'):
        head = GlobalConvHead([256, 512, 1024, 2048, 3], num_classes=21, kernel_size=7, upsample_method='bilinear',
                              loss_decode=LOSS)
        net = MODELS.build(dict(type='ResNet', depth=152))
    total = sum(parameter.numel() for part in (net, head) for parameter in part.parameters())
    assert round(total / 1e6, 3) == 59.370


def test_first_weights_are_kaimings_with_zero_bias_and_the_deconvolutions_stay_bilinear():
    head = segmentor('paper').decode_head
    for part in head.modules():
        if isinstance(part, nn.Conv2d):
            assert part.bias.abs().max() == 0
            fan_in = part.weight[0].numel()
            assert part.weight.std().item() == pytest.approx((2 / fan_in)**0.5, rel=0.25)
    weight = head.deconvs[0].deconv.weight
    assert weight[0, 0, :, 1].tolist() == [0.1875, 0.5625, 0.5625, 0.1875]
    assert weight[0, 1].abs().max() == 0


def test_maps_that_do_not_halve_need_bilinear_upsampling():
    dilated = dict(strides=(1, 2, 2, 1), dilations=(1, 1, 1, 2))
    with pytest.raises(ValueError, match=r"4 x 4 cells is doubled to 8 x 8, but 4 x 4 .*upsample_method='bilinear'"):
        segmentor('paper', **dilated)(torch.randn(1, 3, 64, 64))
    assert segmentor('port', **dilated)(torch.randn(1, 3, 64, 64)).shape == (1, 3, 64, 64)


def test_unknown_upsampling_is_named():
    with pytest.raises(ValueError, match="upsample_method='nearest'"):
        GlobalConvHead([4, 8, 3], num_classes=3, upsample_method='nearest', loss_decode=LOSS)


def test_autocast_to_bfloat16_gives_finite_scores():
    model = segmentor('paper').eval()
    with torch.no_grad(), torch.autocast('cpu', torch.bfloat16):
        assert model(torch.randn(1, 3, 50, 64)).isfinite().all()

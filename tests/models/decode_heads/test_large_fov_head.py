"""DeepLab's heads over VGG-16: the port's numbers through the converter, ASPP, the earlier nets, MSc, errors."""

import pytest
import torch
import torch.nn.functional as F
from golden_cases import GoldenCase, golden_state_dict, rel_error
from mmseg.registry import MODELS
from semantic_batches import random_labels, semantic_batch
from slow_deeplab import largefov_forward, largefov_params
from tiny_models import CONFIGS

from mmseg_plugins.config.load import load_config
from mmseg_plugins.models.backbones import VGG, WithImage
from mmseg_plugins.models.decode_heads import LargeFOVHead, MScLargeFOVHead
from mmseg_plugins.weights.deeplabv1 import convert_largefov
from mmseg_plugins.weights.state_dict_rules import check_matches

LOSS = dict(type='CrossEntropyLoss', avg_non_ignore=True)
SMALL = dict(num_classes=3, fc_channels=6, loss_decode=LOSS, label_stride=8, align_corners=True)


def segmentor(width, fc, num_classes=5, **head):
    """The model of the VOC config with pools that round down, as the ports'."""
    cfg = load_config(CONFIGS / 'deeplab/deeplabv1_vgg16-largefov_6k-crop321_voc.py').model
    cfg.backbone.update(ceil_mode=False, base_channels=width)
    cfg.decode_head.update(in_channels=8 * width, fc_channels=fc, num_classes=num_classes, **head)
    return MODELS.build(cfg).eval()


def converted_into(model, weights):
    converted = convert_largefov(weights)
    check_matches(converted, model.state_dict(), 'LargeFOV')
    model.load_state_dict(converted, strict=True)
    return model


@pytest.mark.golden
def test_agrees_with_the_port():
    case = GoldenCase('deeplab_v1_largefov')
    config = case.facts['config']
    model = converted_into(
        segmentor(case.width('features.0'), config['fc6_channels'], config['num_classes'],
                  kernel_size=config['fc6_kernel'], dilations=(config['fc6_dilation'], )), case.weights)
    x = case.arrays['input']
    with torch.no_grad():
        maps = model.extract_feat(x)
        scores = model.decode_head(maps)
        metas = [dict(img_shape=x.shape[2:], ori_shape=x.shape[2:])] * len(x)
        case.check(dict(logits=scores, logits_up=model.encode_decode(x, metas),
                        pool5a=model.decode_head.average_pool(maps[-1])))


@pytest.mark.parametrize(('seed', 'size'), [(5, (57, 81)), (6, (33, 64))])
def test_agrees_with_a_transcription_under_other_seeds_and_sizes(seed, size):
    weights = golden_state_dict(largefov_params(8, 16), seed, 2.0)
    model = converted_into(segmentor(8, 16), weights)
    torch.manual_seed(seed)
    x = torch.randn(2, 3, *size)
    with torch.no_grad():
        assert rel_error(model(x, mode='tensor'), largefov_forward(weights, x)) < 1e-5


def test_rounding_up_differs_only_off_sides_of_8k_plus_1():
    sizes = {}
    for side in (57, 64):
        for ceil in (False, True):
            net = VGG(16, base_channels=1, pool_strides=(2, 2, 2, 1, 1), pool_kernel=3, ceil_mode=ceil,
                      out_indices=(4, ))
            sizes[side, ceil] = net(torch.zeros(1, 3, side, side))[0].shape[-1]
    assert sizes == {(57, False): 8, (57, True): 8, (64, False): 8, (64, True): 9}


def test_aspp_is_the_sum_of_single_branches():
    aspp = LargeFOVHead(4, dilations=(2, 4, 8), average_pool=False, dropout=0.5, **SMALL).eval()
    x = torch.randn(2, 4, 9, 7)
    expected = 0
    for i, dilation in enumerate((2, 4, 8)):
        single = LargeFOVHead(4, dilations=(dilation, ), average_pool=False, **SMALL).eval()
        single.load_state_dict({
            name.replace(f'.{i}.', '.0.', 1): value
            for name, value in aspp.state_dict().items() if name.split('.')[1] == str(i)
        })
        expected = expected + single([x])
    torch.testing.assert_close(aspp([x]), expected)
    assert tuple(aspp([x]).shape) == (2, 3, 9, 7)


@pytest.mark.parametrize(('kernel', 'dilation'), [(7, 4), (4, 4), (3, 12)])
def test_the_papers_kernels_keep_the_size(kernel, dilation):
    head = LargeFOVHead(2, kernel_size=kernel, dilations=(dilation, ), **SMALL)
    assert tuple(head([torch.randn(1, 2, 11, 13)]).shape) == (1, 3, 11, 13)


def test_dropout_is_of_single_values_and_only_in_training():
    head = LargeFOVHead(2, dropout=0.5, **SMALL)
    head.fc7[0] = torch.nn.Identity()
    x = torch.randn(1, 2, 40, 40)
    kept = (head.train().features(x)[0] != 0).float().mean((0, 2, 3))
    free = (head.eval().features(x)[0] != 0).float().mean((0, 2, 3))
    assert ((kept - free / 4).abs() < 0.08).all()  # two dropouts in a row, of every cell of every channel


@pytest.mark.parametrize('void', [False, True])
@pytest.mark.parametrize('dilations', [(12, ), (6, 12, 18, 24)])
def test_every_parameter_has_a_gradient_even_where_nothing_is_labelled(dilations, void):
    head = LargeFOVHead(4, dilations=dilations, average_pool=len(dilations) == 1, **SMALL)
    label = torch.full((32, 40), 255) if void else random_labels((32, 40), 3)
    losses = head.loss([torch.randn(1, 4, 4, 5)], semantic_batch([label])['data_samples'], {})
    assert torch.isfinite(losses['loss_ce'])
    losses['loss_ce'].backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in head.parameters())


def test_the_loss_is_that_of_every_eighth_label():
    head = LargeFOVHead(4, **SMALL).eval()
    label, x = random_labels((33, 41), 3), torch.randn(1, 4, 5, 6)
    losses = head.loss([x], semantic_batch([label])['data_samples'], {})
    torch.testing.assert_close(losses['loss_ce'], F.cross_entropy(head([x]), label[None, ::8, ::8], ignore_index=255))


def test_first_weights_are_the_papers():
    head = LargeFOVHead(64, **{**SMALL, 'fc_channels': 2000})
    head.init_weights()
    assert head.fc8[0].weight.std().item() == pytest.approx(0.01, rel=0.1)
    assert not head.fc8[0].bias.any()
    assert head.fc6[0].conv.weight.std().item() == pytest.approx((2 / 9 / 2000)**0.5, rel=0.05)  # Kaiming, fan out


MSC = dict(in_channels=[3, 2, 4, 8, 16, 16], in_index=[-1, 0, 1, 2, 3, 4], fine_channels=5, **SMALL)


@pytest.mark.parametrize(('size', 'ceil'), [((57, 73), False), ((64, 48), True)])
def test_msc_reads_the_image_and_every_pool(size, ceil):
    net = WithImage(net=dict(
        type='mmseg_plugins.VGG', depth=16, base_channels=2, pool_strides=(2, 2, 2, 1, 1), pool_kernel=3,
        ceil_mode=ceil, dilations=(1, 1, 1, 1, 2)))
    maps = net(torch.randn(1, 3, *size))
    head = MScLargeFOVHead(**MSC)
    scores = head(maps)
    assert scores.shape[2:] == maps[4].shape[2:]
    assert head.fc8[0].in_channels == 6 + 5 * 5
    scores.square().mean().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in head.parameters())


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match=r'kernel_size=4 with dilation 3.*must be even'):
        LargeFOVHead(4, kernel_size=4, dilations=(3, ), **SMALL)
    with pytest.raises(ValueError, match=r'fine_strides=\(8, 4\) needs 5 numbers'):
        MScLargeFOVHead(**MSC, fine_strides=(8, 4))

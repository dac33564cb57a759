"""EfficientNetLite: the released layout, TensorFlow's padding, dilation, frozen parts."""

import re

import pytest
import torch
import torch.nn.functional as F
from mmengine.registry import MODELS, DefaultScope

from mmseg_plugins.models.backbones import EfficientNetLite
from mmseg_plugins.models.backbones.efficientnet_lite import ARCHS, StaticSameConv2d, scaled

TINY = dict(width=0.25, depth=0.3, resolution=224)
# Of the released files of lite0, lite1 and lite2, without conv_head, bn1 and fc.
RELEASED = {'lite0': 2_958_848, 'lite1': 3_723_520, 'lite2': 4_357_952}


def tiny(seed=0, **kwargs):
    torch.manual_seed(seed)
    net = EfficientNetLite(arch=TINY, **kwargs).double().eval()
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return net


@pytest.mark.parametrize('arch', ARCHS)
def test_as_many_parameters_as_the_released_features(arch):
    with torch.device('meta'):
        net = EfficientNetLite(arch=arch)
    assert sum(p.numel() for p in net.parameters()) == RELEASED[arch]


@pytest.mark.parametrize('scope', ['mmdet', 'mmseg'])
def test_both_hosts_build_it_and_get_the_strides(scope):
    with DefaultScope.overwrite_default_scope(scope):
        net = MODELS.build(dict(type='mmseg_plugins.EfficientNetLite', arch=TINY, out_indices=(0, 1, 2, 3, 4)))
    maps = net.eval()(torch.zeros(1, 3, 64, 96))
    assert [tuple(m.shape[2:]) for m in maps] == [(32, 48), (16, 24), (8, 12), (4, 6), (2, 3)]
    assert [m.shape[1] for m in maps] == [8, 8, 16, 32, 80]


def tensorflow_same(x, kernel, stride, side):
    """Zeros as TensorFlow puts them around a map of ``side`` cells."""
    total = max((-(-side // stride) - 1) * stride + kernel - side, 0)
    return F.pad(x, (total // 2, total - total // 2) * 2)


@pytest.mark.parametrize('kernel', [3, 5])
@pytest.mark.parametrize('side', [16, 15])
def test_padding_is_tensorflows_at_the_training_resolution(kernel, side):
    conv = StaticSameConv2d(2, 3, kernel, side=side, stride=2).double()
    x = torch.randn(1, 2, side, side, dtype=torch.float64)
    want = F.conv2d(tensorflow_same(x, kernel, 2, side), conv.weight, stride=2)
    torch.testing.assert_close(conv(x), want, rtol=0, atol=0)
    # Another size keeps the training resolution's alignment, and its odd sides are rounded up.
    larger = F.pad(x, (0, 5, 0, 6))
    assert conv(larger).shape[2:] == (-(-(side + 6) // 2), -(-(side + 5) // 2))
    torch.testing.assert_close(conv(larger)[..., :6, :6], want[..., :6, :6], rtol=0, atol=1e-14)


def test_strides_are_padded_as_released_at_224_240_and_260_pixels():
    ends = {arch: [m.ends for m in EfficientNetLite(arch=arch).modules()
                   if isinstance(m, StaticSameConv2d) and m.stride == (2, 2)] for arch in ARCHS}
    small, large = (0, 2), (1, 3)  # kernels 3 and 5, even sides
    assert ends == {
        'lite0': [small, small, large, small, large],
        'lite1': [small, small, large, small, (2, 2)],  # 15 cells
        'lite2': [small, small, (2, 2), (1, 1), (2, 2)],  # 65, 33 and 17 cells
    }


@pytest.mark.parametrize(('output_stride', 'step'), [(16, 2), (8, 4)])
def test_a_dilated_net_has_the_strided_values_at_every_second_or_fourth_cell(output_stride, step):
    x = torch.randn(1, 3, 64, 96, dtype=torch.float64)
    with torch.no_grad():
        strided, dilated = tiny()(x), tiny(output_stride=output_stride)(x)
    assert [32 * m.shape[2] // 64 for m in dilated][-1] == 32 // output_stride
    # A strided cell of an even map looks half a cell to the right: the last cell of its group is it.
    torch.testing.assert_close(dilated[-1][..., step - 1::step, step - 1::step], strided[-1])
    for own, other in zip(dilated[:2], strided[:2], strict=True):
        torch.testing.assert_close(own, other)


def test_frozen_stages_and_norm_eval():
    net = EfficientNetLite(arch=TINY, frozen_stages=1, norm_eval=False).train()
    frozen = {name for name, p in net.named_parameters() if not p.requires_grad}
    assert {name.split('.')[0] for name in frozen} == {'conv_stem', 'bn0', 'blocks'}
    assert {int(name.split('.')[1]) for name in frozen if name.startswith('blocks')} == {0}
    assert [net.bn0.training, net.blocks[0].bn1.training, net.blocks[1].bn1.training] == [False, False, True]
    assert not EfficientNetLite(arch=TINY, norm_eval=True).train().blocks[3].bn1.training
    assert all(p.requires_grad for p in EfficientNetLite(arch=TINY).parameters())


def test_drop_connect_grows_from_block_to_block_and_is_off_in_evaluation():
    net = EfficientNetLite(arch=TINY, drop_path_rate=0.2)
    rates = [block.drop_path.drop_prob for block in net.blocks]
    assert rates == pytest.approx([0.2 * i / len(rates) for i in range(len(rates))])
    assert len(rates) == sum(group.blocks for group in scaled(ARCHS['lite0']._replace(width=0.25, depth=0.3)))


def test_released_names_load_without_the_classifier_and_unused_stages():
    whole, part = tiny(), EfficientNetLite(arch=TINY, out_indices=(1, 2)).double()
    released = {re.sub(r'(conv_stem|blocks|bn\d|\w+_conv)\.', r'_\1.', key): value
                for key, value in whole.state_dict().items()}
    assert {'_conv_stem.weight', '_blocks.1._expand_conv.weight', '_blocks.0._bn1.running_mean'} <= set(released)
    released |= {'_conv_head.weight': torch.zeros(1), '_bn1.running_var': torch.zeros(1), '_fc.bias': torch.zeros(1)}
    part.load_state_dict(released, strict=True)
    x = torch.randn(1, 3, 32, 32, dtype=torch.float64)
    with torch.no_grad():
        found = part.eval()(x)
        for got, want in zip(found, whole(x)[:2], strict=True):
            torch.testing.assert_close(got, want, rtol=0, atol=0)


@pytest.mark.parametrize(('options', 'value'), [
    (dict(arch='lite9'), "'lite9'"), (dict(arch=dict(width=1.0)), 'width'), (dict(out_indices=(5, )), r'\(5,\)'),
    (dict(output_stride=4), 'output_stride=4'), (dict(frozen_stages=6), 'frozen_stages=6')])  # fmt: skip
def test_bad_options_are_named(options, value):
    with pytest.raises(ValueError, match=rf'{value}.*Rule: .*Fix: '):
        EfficientNetLite(**options)

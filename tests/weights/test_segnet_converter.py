"""Released SegNet and DeconvNet names against our networks: golden cases, other seeds and sizes, every refusal."""


import re

import pytest
import torch
from golden_cases import GoldenCase, golden_state_dict, golden_tensor, overridden, rel_error
from mmengine.registry import DefaultScope
from official_segnet import deconvnet_forward, deconvnet_params, segnet_forward, segnet_params
from tiny_segnet import deconvnet_parts, scores, segmentor, segnet_parts

from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.weights.convert import convert_state_dict
from mmseg_plugins.weights.deconvnet import convert_deconvnet
from mmseg_plugins.weights.segnet import convert_segnet
from mmseg_plugins.weights.state_dict_rules import check_matches
from mmseg_plugins.weights.vgg16 import convert_vgg16_encoder


@pytest.fixture(autouse=True)
def _mmseg_scope():
    with DefaultScope.overwrite_default_scope('mmseg'):
        yield


def loaded(model, official):
    """The model in evaluation with the official weights; counters of batches, which no score depends on, are zero."""
    converted = convert_segnet(official)
    counters = {k: v for k, v in model.state_dict().items() if k.endswith('num_batches_tracked')}
    converted = {**counters, **converted}
    check_matches(converted, model.state_dict(), 'SegNet')
    model.load_state_dict(converted, strict=True)
    return model.eval()


def golden_widths(case, name):
    """Width of each stage, from the case's first convolution of it; ``name`` holds the stage's number."""
    return tuple(case.width(name.format(stage)) for stage in range(1, 6))


@pytest.mark.golden
@pytest.mark.parametrize('name', ['segnet', 'segnet_caffe_oracle'])
def test_segnet_gives_the_golden_scores(name):
    case = GoldenCase(name)
    config = case.facts['config']
    widths, last = golden_widths(case, 'down{}.conv1.cbr_unit.0'), config['last_layer_bn_relu']
    assert dict(case.facts['params']).keys() - segnet_params(widths, config['num_classes'], last).keys() == set()
    model = segmentor(segnet_parts(widths, config['num_classes'], net=dict(ceil_mode=config['pool_ceil_mode']),
                                   last_norm_act=last))
    loaded(model, case.weights)
    with torch.no_grad():
        maps = model.backbone(case.arrays['input'])
        case.check(dict(logits=model.decode_head(maps), pool5=maps[4]))


@pytest.mark.parametrize(('size', 'ceil_mode', 'last_norm_act'), [((47, 65), True, False), ((32, 1), True, True),
                                                                  ((39, 50), False, True), ((64, 33), False, False)])
def test_segnet_of_any_size_is_the_slow_one(size, ceil_mode, last_norm_act):
    widths = (4, 6, 8, 10, 12)
    official = golden_state_dict(segnet_params(widths, 7, last_norm_act), seed=sum(size), gain=2.5)
    model = segmentor(segnet_parts(widths, 7, net=dict(ceil_mode=ceil_mode), last_norm_act=last_norm_act))
    image = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        ours = scores(loaded(model, official), image)
        expected = segnet_forward(official, image, ceil_mode=ceil_mode, last_norm_act=last_norm_act)
    assert rel_error(ours, expected) < 1e-5


@pytest.mark.golden
def test_deconvnet_gives_the_golden_scores():
    case = GoldenCase('deconvnet')
    with torch.device('meta'):  # 252 million weights: made one by one, in their place
        model = segmentor(deconvnet_parts(golden_widths(case, 'conv{}.0'), case.arrays['fc7'].shape[1],
                                          case.facts['config']['num_classes'],
                                          case.facts['config']['input_size'][0] // 32))
    shapes = {key: torch.empty(shape, device='meta') for key, shape in case.facts['params'].items()}
    check_matches(convert_deconvnet(shapes), model.state_dict(), 'DeconvNet')
    model.backbone.to_empty(device='cpu').eval()
    model.decode_head.to_empty(device='cpu').eval()
    state = model.state_dict()
    for key, shape in case.facts['params'].items():
        value = golden_tensor(key, tuple(shape), case.facts['seed'], case.facts['gain'])
        if key in case.facts['param_overrides']:
            value = overridden(value, case.facts['param_overrides'][key])
        for name, tensor in convert_deconvnet({key: value}).items():
            state[name].copy_(tensor)
    seen = []
    model.decode_head.deconv6.register_forward_hook(lambda *args: seen.append(args[-1]))
    with torch.no_grad():
        maps = model.backbone(case.arrays['input'])
        logits = model.decode_head(maps)
    row = int(re.search(r'row y=(\d+)', case.facts['arrays']['logits_row']['desc'])[1])
    case.check(dict(logits=logits, logits_row=logits[:, :, row], fc7=maps[5], deconv_fc6=seen[0]))


@pytest.mark.parametrize('side', [1, 2])
def test_deconvnet_of_any_width_is_the_slow_one(side):
    widths = (4, 6, 8, 10, 12)
    official = golden_state_dict(deconvnet_params(widths, 16, 6, side), seed=side, gain=3.0)
    model = segmentor(deconvnet_parts(widths, 16, 6, side))
    converted = convert_deconvnet(official)
    check_matches(converted, model.state_dict(), 'DeconvNet')
    model.load_state_dict(converted, strict=True)
    image = torch.randn(1, 3, 32 * side, 32 * side, generator=torch.Generator().manual_seed(side))
    with torch.no_grad():
        assert rel_error(scores(model.eval(), image), deconvnet_forward(official, image)) < 1e-5


@pytest.mark.parametrize(('convert', 'keys'), [
    (convert_segnet, ['down1.conv3.cbr_unit.0.weight', 'up2.conv3.cbr_unit.0.bias', 'down6.conv1.cbr_unit.0.weight']),
    (convert_deconvnet, ['conv1.6.weight', 'deconv2.7.bias', 'deconv1.7.weight', 'conv67.6.weight']),
    (convert_vgg16_encoder, ['conv1_3.weight', 'conv6_1.weight', 'features.1.weight', 'fc8.bias', 'classifier.1.bias']),
])
def test_keys_that_no_original_has_are_listed(convert, keys):
    with pytest.raises(UserError) as error:
        convert({key: torch.zeros(1) for key in keys})
    assert all(key in str(error.value) for key in keys)


def vgg16_names():
    """Caffe's and torchvision's name of every convolution, in order."""
    places = iter([0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28])
    return [(f'conv{s}_{i}', f'features.{next(places)}') for s, n in enumerate((2, 2, 3, 3, 3), 1)
            for i in range(1, n + 1)]


def test_both_vgg16s_fill_every_convolution_of_the_encoder():
    """A made-up classifier: the convolutions must land in order, whatever they were called."""
    model = segmentor(deconvnet_parts((2, 3, 4, 5, 6), 8, 5, 7))
    state = model.backbone.state_dict()
    convs = [k for k in state if k.startswith('features') and state[k].dim() == 4]
    shapes = [state[k].shape for k in convs]
    full = {'fc6.weight': torch.randn(8, 6 * 49), 'fc6.bias': torch.randn(8), 'fc7.weight': torch.randn(8, 8),
            'fc7.bias': torch.randn(8), 'fc8.weight': torch.randn(3, 8), 'fc8.bias': torch.randn(3)}
    kernels = [torch.randn(shape) for shape in shapes]
    for kind in (0, 1):
        names = [pair[kind] for pair in vgg16_names()]
        given = {f'{n}.weight': k for n, k in zip(names, kernels, strict=True)}
        given |= {f'{n}.bias': torch.randn(len(k)) for n, k in zip(names, kernels, strict=True)}
        tops = {'fc6': 'classifier.0', 'fc7': 'classifier.3', 'fc8': 'classifier.6'} if kind else {}
        given |= {f'{tops.get(k[:3], k[:3])}{k[3:]}': v for k, v in full.items()}
        converted, left_out = convert_state_dict('vgg16-deconvnet', given, normalized=True)
        assert [key.rpartition('.')[0] for key in left_out] == [tops.get('fc8', 'fc8')] * 2
        missing = model.backbone.load_state_dict(converted, strict=False)  # norms keep their values
        assert not missing.unexpected_keys
        assert all('.bn.' in k or k.split('.')[1] in norms(model) for k in missing.missing_keys), missing.missing_keys
        assert all(torch.equal(converted[k], v) for k, v in zip(convs, kernels, strict=True))
        assert torch.equal(converted['fc.0.conv.weight'].flatten(1), full['fc6.weight'])
        assert not any(k.startswith('fc.') for k in convert_state_dict('vgg16-segnet', given)[0])


def norms(model):
    return {str(i) for i, layer in enumerate(model.backbone.features) if isinstance(layer, torch.nn.BatchNorm2d)}


def test_torchvisions_first_layer_is_rewritten_for_raw_bgr_pixels():
    """On one colour, away from the border, the answers differ by a constant that the norm takes out."""
    weight = torch.randn(4, 3, 3, 3)
    std, mean = torch.tensor([58.395, 57.12, 57.375]), torch.tensor([123.675, 116.28, 103.53])
    rgb = torch.randint(0, 256, (2, 3, 5, 5)).float()
    normal = (rgb - mean.view(1, 3, 1, 1)) / std.view(1, 3, 1, 1)
    raw = convert_vgg16_encoder({'features.0.weight': weight})['features.0.weight']
    difference = torch.nn.functional.conv2d(rgb.flip(1), raw) - torch.nn.functional.conv2d(normal, weight)
    torch.testing.assert_close(difference, difference[:1, :, :1, :1].expand_as(difference), rtol=1e-3, atol=1e-4)
    assert torch.equal(convert_vgg16_encoder({'conv1_1.weight': weight})['features.0.weight'], weight)

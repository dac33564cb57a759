"""DilatedNet under Caffe's names: both golden cases, other sizes, every refusal."""


import pytest
import torch
from golden_cases import GoldenCase, golden_state_dict, rel_error
from mmengine.registry import MODELS, DefaultScope
from official_dilation import CONTEXT, context_forward, context_params, frontend_forward, frontend_params

from mmseg_plugins.models.decode_heads.dilation_head import zoom_corner
from mmseg_plugins.models.layers.dilated_context import DilatedContext, identity_fill_
from mmseg_plugins.models.layers.mirror import mirror_index
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.weights.dilation import convert_dilation
from mmseg_plugins.weights.state_dict_rules import check_matches


def segmentor(classes, base=4, fc=8, context=None, wrapped=False, **head):
    net = dict(type='mmseg_plugins.VGG', depth=16, base_channels=base, pool_strides=(2, 2, 2, 0, 0), padding='valid',
               dilations=(1, 1, 1, 1, 2), ceil_mode=True, out_indices=(4, ))
    if wrapped:
        net = dict(type='mmseg_plugins.MirrorMargin', net=net, margin=186, divisor=8)
    with DefaultScope.overwrite_default_scope('mmseg'):
        return MODELS.build(dict(
            type='EncoderDecoder', backbone=net, test_cfg=dict(mode='whole'), train_cfg=dict(),
            decode_head=dict(
                type='mmseg_plugins.DilationHead', in_channels=8 * base, in_index=0, num_classes=classes,
                fc_channels=fc, context=context, **head,
                loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True)))).eval()


def load(model, weights, **kwargs):
    converted = convert_dilation(weights, **kwargs)
    check_matches(converted, model.state_dict(), 'the segmentor')
    model.load_state_dict(converted, strict=True)
    assert len(converted) == len(weights)


@pytest.mark.golden
def test_golden_case_of_the_front_end():
    case = GoldenCase('dilation_frontend_oracle')
    config = case.facts['config']
    model = segmentor(config['num_classes'], case.width('conv1_1'), case.width('fc6'))
    load(model, case.weights, wrapped=False)
    with torch.no_grad():
        maps = model.extract_feat(case.arrays['input'])
        step = maps[0].shape[1] // case.shape_of('conv5_3')[1]
        outputs = dict(scores=model.decode_head(maps), conv5_3=maps[0][:, ::step])
        outputs['zoom_out'] = zoom_corner(case.arrays['zoom_in'][None], 8, *case.shape_of('zoom_out')[1:])[0]
    for name in [key for key in case.arrays if key.startswith('reflect_index_')]:
        outputs[name] = mirror_index(int(name.removeprefix('reflect_index_')), config['margin'], config['margin'])
    case.check(outputs)


@pytest.fixture(scope='module')
def context_case():
    return GoldenCase('dilation_context_oracle')


@pytest.mark.golden
@pytest.mark.parametrize('variant', CONTEXT)
def test_golden_case_of_the_context_modules(context_case, variant):
    module = DilatedContext(context_case.facts['config']['num_classes'], variant)
    converted = {key.removeprefix('decode_head.context.'): value
                 for key, value in convert_dilation(context_case.weights_of(variant)).items()}
    module.load_state_dict(converted, strict=True)
    with torch.no_grad():
        context_case.check({f'out_{variant}': module(context_case.arrays['scores'])}, partly=True)


@pytest.mark.golden
@pytest.mark.parametrize('variant', CONTEXT)
def test_golden_identity(context_case, variant):
    module = DilatedContext(context_case.facts['config']['num_classes'], variant, noise=0)
    with torch.no_grad():
        context_case.check(dict(out_identity=module(context_case.arrays['scores'])), partly=True)


@pytest.mark.golden
def test_golden_centre_taps(context_case):
    module = DilatedContext(context_case.facts['config']['num_classes'], 'large', noise=0)
    outputs = {}
    for name, layer in module.named_children():
        size = layer.weight.shape[-1]
        outputs[f'identity_ct_{name}'] = layer.weight.detach()[:, :, size // 2, size // 2]
        assert layer.weight.abs().sum() == outputs[f'identity_ct_{name}'].abs().sum()
    context_case.check(outputs, partly=True)


@pytest.mark.parametrize(('seed', 'size'), [(2, (380, 412)), (3, (391, 373))])
def test_front_end_with_other_seeds_and_sizes(seed, size):
    weights = golden_state_dict(frontend_params(5, 8, 16), seed, 2.0)
    model = segmentor(5, 8, 16)
    load(model, weights, wrapped=False)
    image = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        maps = model.extract_feat(image)
        scores, conv5 = frontend_forward(weights, image)
        assert rel_error(maps[0], conv5) < 2e-5
        assert rel_error(model.decode_head(maps), scores) < 2e-5


@pytest.mark.parametrize('variant', CONTEXT)
def test_the_whole_network_below_its_margin(variant):
    front = golden_state_dict(frontend_params(3, 4, 8, 'fc-final' if variant == 'large' else 'final'), 5, 2.0)
    context = golden_state_dict(context_params(3, variant), 6, 2.0)
    model = segmentor(3, 4, 8, variant, wrapped=True)
    load(model, {**front, **context})
    image = torch.randn(1, 3, 40, 61, generator=torch.Generator().manual_seed(4))
    rows, columns = (mirror_index(n, 186, 186) for n in (40, 61))
    padded = image[:, :, rows][..., columns]
    padded = padded[..., mirror_index(61 + 372, 0, 3)]  # 61 -> 64 px, mirrored at the end of the padded image
    with torch.no_grad():
        ours = model.decode_head(model.extract_feat(image))
        theirs = context_forward(context, frontend_forward(front, padded)[0], variant)
    assert ours.shape == (1, 3, 5, 8)
    assert rel_error(ours, theirs) < 2e-5


def test_the_deconvolution():
    weights = golden_state_dict({**frontend_params(3), **context_params(3)}, 1, 2.0)
    weights['ctx_upsample.weight'] = torch.randn(3, 1, 16, 16)
    load(segmentor(3, context='basic8', zoom='deconv', wrapped=True), weights)


def test_unknown_and_missing_keys_are_named():
    weights = golden_state_dict(frontend_params(3), 1, 2.0)
    with pytest.raises(UserError, match=r'conv6_1\.weight'):
        convert_dilation({**weights, 'conv6_1.weight': torch.zeros(1)})
    with pytest.raises(UserError, match=r'missing from the checkpoint \(14\)'):
        check_matches(convert_dilation(weights, wrapped=False), segmentor(3, context='basic7').state_dict(), 'it')


def test_identity_needs_whole_groups():
    with pytest.raises(ValueError, match=r'multiples of groups=4'):
        identity_fill_(torch.zeros(8, 6, 3, 3), 4)

"""meetps' U-Net under its own names: the golden case, other sizes and widths, every refusal."""


import pytest
import torch
from golden_cases import GoldenCase, golden_state_dict, rel_error
from mmengine.registry import MODELS, DefaultScope
from official_unet import official_forward, official_params

from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.weights.state_dict_rules import check_matches
from mmseg_plugins.weights.unet import convert_unet


def segmentor(classes, base, norm_cfg=None, wrapped=False):
    net = dict(type='mmseg_plugins.ValidUNet', base_channels=base, norm_cfg=norm_cfg, out_indices=(0, 4))
    if wrapped:
        net['out_indices'] = (0, )
        net = dict(type='mmseg_plugins.MirrorMargin', net=net, margin=92, divisor=16, remainder=4)
    with DefaultScope.overwrite_default_scope('mmseg'):
        return MODELS.build(dict(
            type='EncoderDecoder', backbone=net, test_cfg=dict(mode='whole'), train_cfg=dict(),
            decode_head=dict(
                type='mmseg_plugins.UNetHead', in_channels=base, in_index=0, num_classes=classes,
                loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True)))).eval()


def load(model, weights, **kwargs):
    converted = convert_unet(weights, **kwargs)
    check_matches(converted, model.state_dict(), 'the segmentor')
    model.load_state_dict(converted, strict=True)


@pytest.mark.golden
def test_golden_case():
    case = GoldenCase('unet_valid')
    config = case.facts['config']
    norm_cfg = dict(type='BN') if config['is_batchnorm'] else None
    model = segmentor(config['num_classes'], config['base_channels'], norm_cfg)
    load(model, case.weights, wrapped=False)
    with torch.no_grad():
        maps = model.extract_feat(case.arrays['input'])
        case.check(dict(logits=model.decode_head(maps), center=maps[1]))


@pytest.mark.parametrize(('seed', 'size', 'batchnorm'), [(2, (188, 188), False), (3, (204, 252), True)])
def test_other_seeds_and_sizes(seed, size, batchnorm):
    weights = golden_state_dict(official_params(5, 8, batchnorm), seed, 2.0)
    model = segmentor(5, 8, dict(type='BN') if batchnorm else None)
    load(model, weights, wrapped=False)
    image = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        maps = model.extract_feat(image)
        scores, center = official_forward(weights, image)
        assert rel_error(model.decode_head(maps), scores) < 2e-5
        assert rel_error(maps[1], center) < 1e-5


def test_parameters_of_the_paper():
    assert sum(p.numel() for p in segmentor(2, 64).parameters()) == 31_031_810


def test_names_below_the_margin_and_of_data_parallel_runs():
    weights = golden_state_dict(official_params(2, 4), 1, 2.0)
    load(segmentor(2, 4, wrapped=True), {f'module.{key}': value for key, value in weights.items()})


def test_unknown_keys_are_named():
    weights = golden_state_dict(official_params(2, 4), 1, 2.0)
    with pytest.raises(UserError, match=r'up_concat1\.up\.1\.weight'):
        convert_unet({**weights, 'up_concat1.up.1.weight': torch.zeros(1)})
    model = segmentor(2, 4)
    with pytest.raises(UserError, match=r'missing from the checkpoint \(1\):\s+backbone\.ups\.0\.bias'):
        check_matches(convert_unet({k: v for k, v in weights.items() if k != 'up_concat1.up.bias'}, wrapped=False),
                      model.state_dict(), 'the segmentor')

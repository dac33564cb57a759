"""EVA and EVA-02: the original's numbers, rotary positions, windows, sizes, gradients, errors, both hosts' heads."""

import pytest
import torch
import torch.nn.functional as F
from golden_cases import GoldenCase, part
from mmengine.optim import build_optim_wrapper
from semantic_batches import random_labels, semantic_batch
from tiny_models import CONFIGS, batch, build
from torch import nn

from mmseg_plugins.config.load import load_config
from mmseg_plugins.models.backbones import EVA, EVA02
from mmseg_plugins.models.backbones.eva import EVA02_ARCHS
from mmseg_plugins.models.layers import RotaryEmbedding2D
from mmseg_plugins.models.layers.vit_block import RelativePositions
from mmseg_plugins.models.necks import SimpleFeaturePyramid
from mmseg_plugins.weights.eva import convert_eva

TINY = dict(embed_dims=16, depth=2, num_heads=2)


def golden_model(case, packed, **settings):
    """The case's backbone, and a state dict to tell the converter what it needs."""
    facts = case.facts['config']
    arch = dict(embed_dims=facts['embed_dims'], depth=facts['depth'], num_heads=facts['num_heads'],
                hidden=facts['mlp_hidden'], packed=packed)  # fmt: skip
    settings.setdefault('out_indices', range(facts['depth']))
    return EVA02(arch, facts['patch_size'], rotary_grid=facts['rope_pretrain_grid'], **settings).eval()


@pytest.mark.golden
@pytest.mark.parametrize(('name', 'packed'), [('eva02_vit_det', False), ('eva02_vit_det_fused', True)])
def test_windows_and_pyramid_agree_with_the_original(name, packed):
    case = GoldenCase(name)
    facts = case.facts['config']
    model = nn.ModuleDict(dict(
        backbone=golden_model(
            case, packed, pretrain_size=facts['pretrain_img_size'], window_size=facts['window_size'],
            global_blocks=facts['global_blocks']),
        neck=SimpleFeaturePyramid(facts['embed_dims'], facts['pyramid_channels'])))  # fmt: skip
    model.load_state_dict(convert_eva(case.weights, model.state_dict(), kind='detection'), strict=True)
    with torch.no_grad():
        maps = model['backbone'](case.arrays['image'])
        levels = model['neck'](maps)
    blocks = {f'block{i}': maps[i].permute(0, 2, 3, 1) for i in (0, 2)}
    case.check({**blocks, 'last_feat': maps[-1], **{f'p{i}': level for i, level in enumerate(levels, 2)}})


@pytest.mark.golden
def test_class_token_agrees_with_the_original():
    case = GoldenCase('eva02_vit_cls_fused')
    model = golden_model(case, True, pretrain_size=case.facts['config']['img_size'], with_cls_token=True)
    heads = ('fc_norm.', 'head.')
    body = {key: value for key, value in case.weights.items() if not key.startswith(heads)}
    model.load_state_dict(part(convert_eva(body, kind='pretraining'), 'backbone.'), strict=True)
    tokens = {}
    for key, block in zip(('block0', 'block_last'), (model.blocks[0], model.blocks[-1]), strict=True):
        block.register_forward_hook(lambda module, inputs, out, key=key: tokens.update({key: out}))
    with torch.no_grad():
        mean = model(case.arrays['image'])[-1].mean((2, 3))
    weights = [case.weights[f'{head}{kind}'] for head in heads for kind in ('weight', 'bias')]
    feature = F.layer_norm(mean, mean.shape[1:], weights[0], weights[1], eps=1e-6)
    case.check({**tokens, 'feature': feature, 'logits': F.linear(feature, weights[2], weights[3])})


def test_scores_of_rotated_tokens_depend_on_their_distance_alone():
    rotary = RotaryEmbedding2D(8, grid=6)
    query, key = torch.randn(2, 8)
    turned = [rotary(x.expand(1, 1, 6 * 6, 8), rotary.tables(6, 6))[0, 0].view(6, 6, 8) for x in (query, key)]
    scores = torch.einsum('hwd,yxd->hwyx', *turned)
    torch.testing.assert_close(scores[1, 2, 3, 1], scores[2, 4, 4, 3])
    assert not torch.isclose(scores[1, 2, 3, 1], scores[1, 2, 1, 3])
    assert not list(rotary.state_dict())


def test_rows_and_columns_of_a_grid_that_is_not_square():
    rotary = RotaryEmbedding2D(8, grid=16)
    wide, square = rotary.tables(4, 8).cos.view(4, 8, 8), rotary.tables(8, 8).cos.view(8, 8, 8)
    torch.testing.assert_close(wide[..., 4:], square[:4, :, 4:])
    torch.testing.assert_close(wide[:, 0, :4], square[::2, 0, :4])


def test_the_class_token_is_not_turned():
    rotary, x = RotaryEmbedding2D(8), torch.randn(2, 3, 1 + 6, 8)
    out = rotary(x, rotary.tables(2, 3))
    assert torch.equal(out[:, :, 0], x[:, :, 0])
    torch.testing.assert_close(out[:, :, 1:], rotary(x[:, :, 1:], rotary.tables(2, 3)))


def test_relative_positions_are_those_of_each_pair_of_tokens():
    table = RelativePositions(4, (2, 3))
    nn.init.normal_(table.rel_pos_h)
    nn.init.normal_(table.rel_pos_w)
    query = torch.randn(1, 1, 6, 4)
    scores = table(query, (2, 3))[0, 0]
    for i, (y, x) in enumerate((y, x) for y in range(2) for x in range(3)):
        for j, (v, u) in enumerate((v, u) for v in range(2) for u in range(3)):
            wanted = query[0, 0, i] @ (table.rel_pos_h[y - v + 1] + table.rel_pos_w[x - u + 2])
            torch.testing.assert_close(scores[i, j], wanted)
    assert table(torch.randn(1, 1, 20, 4), (4, 5)).shape == (1, 1, 20, 20)


@pytest.mark.parametrize('model', [
    EVA02(TINY, window_size=2, global_blocks=[1], drop_path_rate=0.5, pretrain_size=64),
    EVA02({**TINY, 'packed': False}, with_cls_token=True, out_indices=(0, 1), final_norm=True, with_cp=True),
    EVA(TINY, window_size=2, global_blocks=[1], relative_size=64, frozen_stages=0),
    EVA({**TINY, 'hidden': 24}, with_cls_token=True)], ids=['windows', 'token', 'relative', 'eva'])
def test_any_size_gives_maps_and_every_weight_a_gradient(model):
    torch.manual_seed(0)
    maps = model.train()(torch.randn(3, 3, 70, 40))
    assert [tuple(x.shape) for x in maps] == [(3, 16, 5, 3)] * len(model.out_indices)
    sum(x.square().sum() for x in maps).backward()
    assert not [name for name, p in model.named_parameters() if p.requires_grad and p.grad is None]
    assert model.patch_embed.proj.weight.requires_grad == (model.frozen_stages < 0)


def test_computing_blocks_again_changes_no_gradient():
    torch.manual_seed(0)
    kept, again = EVA02(TINY), EVA02(TINY, with_cp=True)
    again.load_state_dict(kept.state_dict())
    image, grads = torch.randn(1, 3, 48, 32), []
    for model in (kept, again):
        model(image)[0].square().sum().backward()
        grads.append(model.blocks[0].attn.qkv.weight.grad)
    torch.testing.assert_close(*grads)


def test_sizes_have_their_millions_of_parameters():
    with torch.device('meta'):
        counts = {arch: sum(p.numel() for p in EVA02(arch, 14, with_cls_token=True, final_norm=True).parameters())
                  for arch in EVA02_ARCHS}
    assert {arch: round(count / 1e6) for arch, count in counts.items()} == dict(ti=6, s=22, b=86, l=303)


@pytest.mark.parametrize(('settings', 'words'), [
    (dict(arch='xl'), "arch='xl' is none of"),
    (dict(arch=dict(embed_dims=8)), r"keys \['embed_dims'\]"),
    (dict(arch=dict(TINY, num_heads=3)), 'no multiple of num_heads=3'),
    (dict(arch=dict(TINY, num_heads=8)), 'head_dims=2'),
    (dict(arch=TINY, out_indices=(0, 2)), r'out_indices=\(0, 2\)'),
    (dict(arch=TINY, window_size=2, with_cls_token=True), 'window_size=2 with a class token'),
    (dict(arch=TINY, global_blocks=(2, )), r'global_blocks=\(2,\)')])  # fmt: skip
def test_what_cannot_be_is_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        EVA02(**settings)


@pytest.mark.parametrize('name', [
    'mask-rcnn_eva02-96-sfp_1000it-crop256_nuclei', 'examples/mask-rcnn_eva-96-sfp_1000it-crop256_nuclei',
    'upernet_eva02-96_1000it-crop224_camvid'])  # fmt: skip
def test_small_configs_train_a_step_and_predict(name):
    options = {'model.backbone.arch': TINY, 'optim_wrapper.constructor': 'mmseg_plugins.ViTLayerDecay',
               'optim_wrapper.optimizer': dict(type='AdamW', lr=0.1),
               'optim_wrapper.paramwise_cfg': dict(_delete_=True, decay_rate=0.5)}  # fmt: skip
    semantic = name.startswith('upernet')
    if semantic:
        options |= {'model.backbone.arch': {**TINY, 'depth': 4}, 'model.backbone.out_indices': (0, 1, 2, 3),
                    'model.neck.embed_dim': 16, 'model.decode_head.in_channels': [16] * 4,
                    'model.data_preprocessor.size': (64, 64)}  # fmt: skip
    else:
        options |= {'model.backbone.global_blocks': (1, ), 'model.neck.in_channels': 16}
    cfg = load_config(CONFIGS / f'eva02/{name}.py', options)
    model = build(cfg).train()
    data = (semantic_batch([random_labels((64, 64), 11, seed=seed) for seed in range(2)]) if semantic else
            batch([[[4, 4, 30, 40]], []]))
    before = model.backbone.pos_embed.clone()
    losses = model.train_step(data, build_optim_wrapper(model, cfg.optim_wrapper))
    assert losses['loss'].isfinite()
    assert not torch.equal(model.backbone.pos_embed, before)
    with torch.no_grad():
        assert len(model.eval().test_step(data)) == 2

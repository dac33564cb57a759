"""ViTAdapter: shapes of any size, its attention against mmcv's, nothing injected at first, gradients, errors."""

import pytest
import torch
from mmcv.ops import MultiScaleDeformableAttention
from mmengine.optim import build_optim_wrapper
from mmengine.registry import MODELS
from torch import nn

from mmseg_plugins.models.backbones import ViTAdapter
from mmseg_plugins.models.backbones.vit_adapter import _places
from mmseg_plugins.models.layers.deformable_attention import DeformableAttention

VIT = dict(type='mmseg_plugins.EVA02', arch=dict(embed_dims=16, depth=4, num_heads=2), pretrain_size=64)
EVA = dict(VIT, type='mmseg_plugins.EVA')
SPANS = [[0, 0], [1, 1], [2, 2], [3, 3]]


def adapter(vit=VIT, **kwargs):
    torch.manual_seed(0)
    settings = dict(interactions=SPANS, width=4, deform_heads=2, points=2, **kwargs)
    return MODELS.build(dict(type='mmseg_plugins.ViTAdapter', vit=dict(vit), **settings))


def randomized(module):
    """Also what starts at zero."""
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.3)
    return module


@pytest.mark.parametrize('ratio', [0.5, 1.0])
def test_its_attention_is_mmcvs(ratio):
    torch.manual_seed(0)
    sizes = [(4, 6), (2, 3), (1, 2)]
    ours = randomized(DeformableAttention(16, 2, 3, points=2, ratio=ratio))
    theirs = MultiScaleDeformableAttention(16, 2, 3, 2, dropout=0.0, batch_first=True, value_proj_ratio=ratio)
    fresh = DeformableAttention(16, 2, 3, points=2, ratio=ratio)
    assert torch.equal(fresh.sampling_offsets.bias, theirs.sampling_offsets.bias)
    theirs.load_state_dict(ours.state_dict(), strict=True)
    query, keys, places = torch.randn(2, 5, 16), torch.randn(2, 32, 16), torch.rand(5, 2)
    wanted = theirs(query, value=keys, identity=torch.zeros_like(query), spatial_shapes=torch.tensor(sizes),
                    reference_points=places[None, :, None].expand(2, 5, 3, 2),
                    level_start_index=torch.tensor([0, 24, 30]))
    torch.testing.assert_close(ours(query, places, keys, sizes), wanted)


def test_values_fill_their_heads():
    with pytest.raises(ValueError, match='values of 8 channels in 3 heads'):
        DeformableAttention(16, 3, 1, ratio=0.5)


def test_places_are_the_middles_of_the_cells():
    assert _places([(1, 2), (2, 1)], torch.zeros(1)).tolist() == [[0.25, 0.5], [0.75, 0.5], [0.5, 0.25], [0.5, 0.75]]


@pytest.mark.parametrize('vit', [
    VIT, EVA, dict(VIT, with_cls_token=True), dict(VIT, window_size=3, global_blocks=[1, 3], with_cp=True),
    dict(EVA, relative_size=64)], ids=['eva02', 'eva', 'token', 'windows', 'relative'])
def test_four_maps_of_any_size_and_every_weight_has_a_gradient(vit):
    model = randomized(adapter(vit, drop_path_rate=0.3)).train()
    maps = model(torch.randn(3, 3, 70, 40))
    assert [tuple(x.shape) for x in maps] == [(3, 16, 18, 10), (3, 16, 9, 5), (3, 16, 5, 3), (3, 16, 3, 2)]
    sum(x.square().sum() for x in maps).backward()
    assert not [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()]


def test_the_transformer_alone_is_what_it_was_until_something_is_injected():
    model = adapter(dict(VIT, with_cls_token=True)).eval()
    image = torch.randn(1, 3, 64, 64)
    seen = []
    model.vit.blocks[-1].register_forward_hook(lambda module, inputs, out: seen.append(out))
    with torch.no_grad():
        model(image)
        model.vit(image)
        assert torch.equal(*seen)
        for injector in model.injectors:
            nn.init.ones_(injector.gamma)
        model(image)
    assert not torch.allclose(seen[0], seen[2])


def test_the_coarse_maps_are_those_of_the_extractors_and_of_the_transformer():
    """One interaction written out."""
    model = randomized(adapter()).eval()
    image = torch.randn(1, 3, 64, 32)
    with torch.no_grad():
        c1, *coarse = model.prior(image)
        sizes = [(8, 4), (4, 2), (2, 1)]
        c = torch.cat([x.flatten(2).transpose(1, 2) + model.level_embed[i] for i, x in enumerate(coarse)], 1)
        x, grid = model.vit.embed(image)
        assert grid == (4, 2)
        own, tables = [], model.vit.tables(grid, x.device)
        for i in range(4):
            injector, extractor = model.injectors[i], model.extractors[i]
            keys = injector.feat_norm(c)
            x = x + injector.gamma * injector.attn(injector.query_norm(x), _places([grid], x), keys, sizes)
            x = model.vit.blocks[i](x, grid, tables.whole)
            own.append(x.transpose(1, 2).reshape(1, 16, 4, 2))
            for part in (extractor, *(model.extra_extractors if i == 3 else ())):
                c = c + part.attn(part.query_norm(c), _places(sizes, x), part.feat_norm(x), [grid])
                c = c + part.ffn(part.ffn_norm(c), sizes)
        c2 = c[:, :32].transpose(1, 2).reshape(1, 16, 8, 4)
        c3 = c[:, 32:40].transpose(1, 2).reshape(1, 16, 4, 2)
        bigger = [nn.functional.interpolate(own[i], scale_factor=4 // 2**i, mode='bilinear', align_corners=False)
                  for i in range(2)]
        wanted = [c1 + model.up(c2) + bigger[0], c2 + bigger[1], c3 + own[2]]
        found = model(image)
        for norm, there, here in zip(model.norms, wanted, found, strict=False):
            torch.testing.assert_close(here, norm(there), atol=1e-4, rtol=1e-4)


def test_start_values():
    model = adapter()
    conv, fc = model.prior.stages[0][0], model.extractors[0].ffn.fc1
    assert float(conv.weight.detach().std()) == pytest.approx((2 / (9 * 8))**0.5, rel=0.15)
    assert float(fc.weight.detach().std()) == pytest.approx(0.02, rel=0.3)
    assert not model.up.bias.any()
    assert model.extractors[0].attn.sampling_offsets.bias.any()


def test_rates_fall_within_the_transformer_alone():
    cfg = dict(constructor='mmseg_plugins.ViTLayerDecay', optimizer=dict(type='SGD', lr=1.0),
               paramwise_cfg=dict(decay_rate=0.5))
    model = adapter()
    wrapper = build_optim_wrapper(model, cfg)
    rates = {id(p): group['lr'] for group in wrapper.param_groups for p in group['params']}
    named = {name: rates[id(p)] for name, p in model.named_parameters()}
    assert named['vit.blocks.3.norm1.weight'] == 0.5
    assert named['vit.pos_embed'] == 0.5**5
    assert {rate for name, rate in named.items() if not name.startswith('vit.')} == {1.0}


@pytest.mark.parametrize(('vit', 'spans', 'words'), [
    (dict(VIT, patch_size=14), SPANS, 'patch_size=16'), (dict(VIT, final_norm=True), SPANS, 'no final_norm'),
    (dict(VIT, out_indices=(1, 3)), SPANS, 'one map'), (VIT, SPANS[:3], 'first and last block of four parts'),
    (VIT, [[0, 0], [1, 1], [2, 2], [2, 3]], r'blocks 0 to 3'),
    (dict(type='mmseg_plugins.VGG', depth=11), SPANS, 'vit is VGG')])  # fmt: skip
def test_other_transformers_and_parts_are_refused(vit, spans, words):
    with pytest.raises(ValueError, match=words):
        ViTAdapter(vit, spans, deform_heads=2)

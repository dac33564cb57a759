"""ViTLayerDecay: the rate and the decay of every parameter, and what it refuses."""

import pytest
from mmengine.optim import build_optim_wrapper
from torch import nn

from mmseg_plugins.models.backbones import EVA, EVA02
from mmseg_plugins.utils.errors import UserError

TINY = dict(embed_dims=8, depth=2, num_heads=2)


def groups_of(model, **paramwise):
    """(Rate in units of lr, decay in units of weight_decay) of each parameter."""
    wrapper = build_optim_wrapper(model, dict(
        type='OptimWrapper', constructor='mmseg_plugins.ViTLayerDecay', clip_grad=dict(max_norm=1.0),
        optimizer=dict(type='AdamW', lr=2.0, weight_decay=0.1), paramwise_cfg=dict(decay_rate=0.5, **paramwise)))
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    groups = wrapper.optimizer.param_groups
    return {names[id(parameter)]: (group['lr'] / 2, group['weight_decay'] / 0.1)
            for group in groups for parameter in group['params']}


@pytest.fixture
def model():
    vit = EVA02(TINY, with_cls_token=True, final_norm=True)
    return nn.ModuleDict(dict(backbone=vit, decode_head=nn.Conv2d(8, 2, 1)))


def test_rates_fall_from_the_head_to_the_patches(model):
    groups = groups_of(model)
    assert set(groups) == {name for name, _ in model.named_parameters()}
    assert groups['decode_head.weight'] == (1, 1)
    assert groups['decode_head.bias'] == groups['backbone.norm.weight'] == (1, 0)
    assert groups['backbone.blocks.1.attn.qkv.weight'] == (0.5, 1)
    assert groups['backbone.blocks.1.attn.q_bias'] == (0.5, 0)
    assert groups['backbone.blocks.0.mlp.w3.weight'] == (0.25, 1)
    assert groups['backbone.patch_embed.proj.weight'] == (0.125, 1)
    assert groups['backbone.pos_embed'] == groups['backbone.cls_token'] == (0.125, 0)


def test_decay_of_positions_and_of_flat_parameters_are_switches_of_their_own(model):
    positions, flat = groups_of(model, decay_positions=True), groups_of(model, decay_flat=True)
    assert positions['backbone.pos_embed'] == positions['backbone.cls_token'] == (0.125, 1)
    assert positions['backbone.norm.weight'] == (1, 0)
    assert flat['backbone.pos_embed'] == (0.125, 0)
    assert flat['backbone.norm.weight'] == flat['decode_head.bias'] == (1, 1)


def test_frozen_parameters_are_left_out_and_relative_positions_are_positions():
    model = nn.Sequential(EVA(TINY, relative_size=32, frozen_stages=0))
    groups = groups_of(model)
    assert set(groups) == {name for name, _ in model.named_parameters() if 'patch_embed' not in name}
    assert groups['0.blocks.1.attn.relative.rel_pos_h'] == (0.5, 0)


@pytest.mark.parametrize(('settings', 'words'), [
    (dict(decay_rate=1.5), 'decay_rate=1.5'), (dict(decay_rat=0.5), "did you mean 'decay_rate'")])  # fmt: skip
def test_wrong_settings_are_named(model, settings, words):
    optimizer = dict(type='SGD', lr=1.0)
    with pytest.raises(UserError, match=words):
        build_optim_wrapper(model, dict(
            constructor='mmseg_plugins.ViTLayerDecay', optimizer=optimizer, paramwise_cfg=settings))


def test_a_model_without_transformer_is_refused():
    with pytest.raises(UserError, match='no EVA02 or EVA'):
        groups_of(nn.Conv2d(1, 1, 1))

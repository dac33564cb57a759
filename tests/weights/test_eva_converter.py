"""EVA's files: patch kernels, positions, the class token and relative positions in models of other sizes."""

import official_eva
import pytest
import torch
import torch.nn.functional as F
from mmengine.registry import MODELS
from released_cases import numbered

from mmseg_plugins.models.backbones import EVA, EVA02
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.weights.convert import convert_state_dict
from mmseg_plugins.weights.eva import convert_eva, fit_sizes

DIMS, DEPTH, HIDDEN = 64, 2, 170
SIZES = dict(embed_dims=DIMS, depth=DEPTH, num_heads=1)
KERNEL, POSITIONS = 'backbone.patch_embed.proj.weight', 'backbone.pos_embed'


def random(shapes):
    torch.manual_seed(0)
    return {name: torch.randn(shape) for name, shape in shapes.items()}


def state_of(backbone):
    """As in a whole model, whose heads the file does not have."""
    return {f'backbone.{name}': value for name, value in backbone.state_dict().items()}


def converted(official, backbone):
    """Strictly into the backbone."""
    wanted = state_of(backbone)
    state, left_out = convert_state_dict('eva-pretraining', official, wanted)
    backbone.load_state_dict({name.removeprefix('backbone.'): value for name, value in state.items()}, strict=True)
    return state, left_out


@pytest.mark.parametrize('kind', ['separate', 'packed'])
@pytest.mark.parametrize('token', [True, False])
def test_patches_of_14_px_become_those_of_16(kind, token):
    official = random(official_eva.pretraining(DIMS, DEPTH, HIDDEN, kind=kind, patch=14, rows=257))
    model = EVA02({**SIZES, 'packed': kind == 'packed', 'hidden': HIDDEN}, with_cls_token=token)
    state, left_out = converted(official, model)
    kernel = F.interpolate(official['patch_embed.proj.weight'], (16, 16), mode='bicubic', align_corners=False)
    assert torch.equal(state[KERNEL], kernel)
    grid = official['pos_embed'][:, 1:].reshape(1, 16, 16, DIMS).permute(0, 3, 1, 2)
    grid = F.interpolate(grid, (14, 14), mode='bicubic', align_corners=False).permute(0, 2, 3, 1).reshape(1, 196, DIMS)
    assert torch.equal(state[POSITIONS], torch.cat([official['pos_embed'][:, :1], grid], 1) if token else grid)
    assert ('backbone.cls_token' in state) == token
    assert len(left_out) == 5 + 2 * (1 + DEPTH)


def test_files_that_were_resized_before_keep_every_number():
    official = random(official_eva.pretraining(DIMS, DEPTH, HIDDEN, patch=16, rows=197))
    state, _ = converted(official, EVA02({**SIZES, 'packed': False, 'hidden': HIDDEN}))
    assert torch.equal(state[KERNEL], official['patch_embed.proj.weight'])
    assert torch.equal(state[POSITIONS], official['pos_embed'][:, 1:])


def smooth(rows):
    """(1, rows^2, 1): a slow wave over the grid, which resizing hardly changes."""
    ramp = torch.arange(rows) / rows + 0.5 / rows
    return (torch.sin(3 * ramp)[:, None] + torch.cos(2 * ramp)).reshape(1, -1, 1)


@pytest.mark.parametrize('side', [16, 20, 64])
def test_positions_come_back_from_another_grid(side):
    model = {POSITIONS: torch.empty(1, side**2, 1)}
    there = fit_sizes({POSITIONS: smooth(14)}, model)
    back = fit_sizes(there, {POSITIONS: torch.empty(1, 196, 1)})[POSITIONS]
    assert there[POSITIONS].shape == (1, side**2, 1)
    torch.testing.assert_close(back, smooth(14), atol=0.02, rtol=0)


def test_half_precision_is_resized_in_single_and_kept():
    kernel = torch.randn(2, 3, 14, 14).half()
    resized = fit_sizes({KERNEL: kernel}, {KERNEL: torch.empty(2, 3, 16, 16)})[KERNEL]
    assert torch.equal(resized, F.interpolate(kernel.float(), (16, 16), mode='bicubic', align_corners=False).half())


@pytest.mark.parametrize('relative', [None, 64])
@pytest.mark.parametrize('wrapped', ['', 'module.'])
def test_eva_of_2022_starts_without_relative_positions(relative, wrapped):
    shapes = official_eva.pretraining(DIMS, DEPTH, 256, kind='gelu', tables=0, patch=14, rows=257)
    official = {f'{wrapped}{name}': value for name, value in random(shapes).items()}
    state, _ = converted(official, EVA(SIZES, relative_size=relative))
    tables = {name: value for name, value in state.items() if 'rel_pos' in name}
    assert len(tables) == (2 * DEPTH if relative else 0)
    assert all(not value.any() for value in tables.values())
    assert torch.equal(state['backbone.blocks.1.mlp.fc1.weight'], official[f'{wrapped}blocks.1.mlp.fc1.weight'])


def test_a_classifier_is_left_out():
    shapes = official_eva.transformer(DIMS, DEPTH, HIDDEN, kind='packed', patch=14, rows=577)
    shapes |= {f'{head}.{param}': (DIMS, ) for head in ('fc_norm', 'head') for param in ('weight', 'bias')}
    _, left_out = converted(random(shapes), EVA02({**SIZES, 'hidden': HIDDEN}))
    assert {name for name in left_out if 'rope' not in name} == {
        'fc_norm.weight', 'fc_norm.bias', 'head.weight', 'head.bias'}


@pytest.mark.parametrize(('rows', 'token', 'wanted'), [(195, False, 196), (196, True, 197), (198, False, 196)])
def test_positions_of_no_square_grid_are_refused(rows, token, wanted):
    model = {POSITIONS: torch.empty(1, wanted, 4), **({'backbone.cls_token': torch.empty(1)} if token else {})}
    with pytest.raises(UserError, match=f'pos_embed has {rows} rows, and the model wants {wanted}'):
        fit_sizes({POSITIONS: torch.zeros(1, rows, 4)}, model)


@pytest.mark.parametrize(('kind', 'shapes'), [
    ('segmentation', official_eva.pretraining(DIMS, 1, HIDDEN)),
    ('pretraining', official_eva.detection(DIMS, 1, HIDDEN)),
    ('detection', official_eva.segmentation(DIMS, 1, HIDDEN))])
def test_a_file_of_another_kind_has_unknown_keys(kind, shapes):
    with pytest.raises(UserError, match='keys that no rule knows'):
        convert_eva(numbered(shapes), kind=kind)


def test_every_stage_of_the_cascade_gets_the_mask_head():
    official = random(official_eva.detection(DIMS, 1, HIDDEN, classes=3))
    state, left_out = convert_state_dict('eva-detection', official)
    for stage in range(3):
        name = f'roi_head.mask_head.{stage}.conv_logits.weight'
        assert torch.equal(state[name], official['roi_heads.mask_head.predictor.weight'])
    assert len(left_out) == 3
    assert torch.equal(state['rpn_head.rpn_conv.1.conv.bias'], official['proposal_generator.rpn_head.conv.conv1.bias'])


def test_the_backbone_of_a_config_reads_the_file(tmp_path):
    official = random(official_eva.pretraining(DIMS, DEPTH, HIDDEN, kind='packed'))
    model = EVA02({**SIZES, 'hidden': HIDDEN})
    state, _ = converted(official, model)
    torch.save({'state_dict': state}, tmp_path / 'eva02.pth')
    init = dict(type='Pretrained', prefix='backbone.', checkpoint=str(tmp_path / 'eva02.pth'))
    read = MODELS.build(dict(type='mmseg_plugins.EVA02', arch={**SIZES, 'hidden': HIDDEN}, init_cfg=init))
    read.init_weights()
    assert all(torch.equal(a, b) for a, b in zip(read.state_dict().values(), model.state_dict().values(), strict=True))

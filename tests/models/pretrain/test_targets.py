"""Targets of a pre-training: gradients' histograms against a slow loop, frozen backbones, CLIP's two towers."""

import math

import pytest
import torch
from mmengine.registry import MODELS
from torch import nn

from mmseg_plugins.models.pretrain import CLIPTargets, HOGTargets
from mmseg_plugins.models.pretrain.clip_targets import MEAN, STD
from mmseg_plugins.utils.errors import UserError


def slow_hog(image, cell, bins):
    """(3, H, W) -> (H / cell, W / cell, 3, bins), pixel by pixel."""
    _, height, width = image.shape
    out = torch.zeros(height // cell, width // cell, 3, bins)
    for channel in range(3):
        for y in range(height):
            for x in range(width):
                at = lambda v, u, c=channel: float(image[c, min(max(v, 0), height - 1), min(max(u, 0), width - 1)])  # noqa: E731
                across, down = at(y, x + 1) - at(y, x - 1), at(y + 1, x) - at(y - 1, x)
                direction = math.atan2(down, across) % math.pi
                chosen = min(int(direction / math.pi * bins), bins - 1)
                out[y // cell, x // cell, channel, chosen] += math.hypot(across, down)
    return out / out.norm(dim=-1, keepdim=True).clamp(min=1e-12)


def test_histograms_are_those_of_a_slow_loop():
    torch.manual_seed(0)
    image = torch.rand(3, 16, 24) * 255
    target = HOGTargets(patch_size=8, cell=4, bins=9)
    found = target(image[None], (2, 3))
    assert found.shape == (1, 6, target.channels) == (1, 6, 3 * 9 * 4)
    wanted = slow_hog(image, 4, 9)
    for patch in range(6):
        row, column = divmod(patch, 3)
        cells = wanted[2 * row:2 * row + 2, 2 * column:2 * column + 2]  # (2, 2, 3, bins)
        torch.testing.assert_close(found[0, patch], cells.permute(2, 3, 0, 1).flatten(), atol=1e-4, rtol=1e-4)


def test_a_flat_image_has_no_histogram_and_no_nan():
    assert not HOGTargets()(torch.full((1, 3, 32, 32), 7.0), (2, 2)).any()


@pytest.mark.parametrize(('make', 'words'), [
    (lambda: HOGTargets(patch_size=14), 'cells fill the patch'),
    (lambda: HOGTargets()(torch.zeros(1, 3, 40, 32), (2, 2)), r'images of \(40, 32\) px on a grid of \(2, 2\)')])
def test_sizes_that_do_not_fit_are_named(make, words):
    with pytest.raises(UserError, match=words):
        make()


def backbone_targets(**kwargs):
    backbone = dict(type='mmseg_plugins.VGG', depth=11, base_channels=4, out_indices=(3, ), with_bn=True,
                    init_cfg=dict(type='Pretrained', checkpoint='a.pth'))  # fmt: skip
    return MODELS.build(dict(type='mmseg_plugins.BackboneTargets', **{'backbone': backbone, 'channels': 32, **kwargs}))


def test_a_backbone_gives_its_map_on_the_grid():
    target = backbone_targets(mean=[1.0, 2.0, 3.0], std=[2.0, 2.0, 4.0]).train()
    pixels = torch.rand(2, 3, 64, 64) * 255
    shift, scale = torch.tensor([1.0, 2.0, 3.0]).view(3, 1, 1), torch.tensor([2.0, 2.0, 4.0]).view(3, 1, 1)
    with torch.no_grad():
        (wanted, ) = target.backbone((pixels - shift) / scale)
    found = target(pixels, (4, 4))
    assert torch.equal(found, wanted.flatten(2).transpose(1, 2))
    assert target(pixels, (5, 3)).shape == (2, 15, 32)
    assert not found.requires_grad
    assert not any(module.training for module in target.backbone.modules())


def test_a_teacher_without_weights_or_with_other_channels_is_refused():
    with pytest.raises(UserError, match='has no weights to start from'):
        backbone_targets(backbone=dict(type='mmdet.ResNet', depth=18))
    with pytest.raises(UserError, match=r'channels=7, but the map has 32'):
        backbone_targets(channels=7)(torch.zeros(1, 3, 64, 64), (4, 4))


CHANNELS, PATCH, SIDE, DEPTH, WIDTH = 16, 8, 4, 2, 12


def openai_weights():
    """An image tower in OpenAI's layout, next to a piece of a text tower."""
    torch.manual_seed(0)
    shapes = {'conv1.weight': (CHANNELS, 3, PATCH, PATCH), 'class_embedding': (CHANNELS, ),
              'positional_embedding': (1 + SIDE**2, CHANNELS), 'proj': (CHANNELS, WIDTH)}  # fmt: skip
    norms = ['ln_pre', 'ln_post']
    for i in range(DEPTH):
        block = f'transformer.resblocks.{i}'
        norms += [f'{block}.ln_1', f'{block}.ln_2']
        shapes |= {f'{block}.attn.in_proj_weight': (3 * CHANNELS, CHANNELS),
                   f'{block}.attn.in_proj_bias': (3 * CHANNELS, )}
        for name, out, into in (('attn.out_proj', CHANNELS, CHANNELS), ('mlp.c_fc', 4 * CHANNELS, CHANNELS),
                                ('mlp.c_proj', CHANNELS, 4 * CHANNELS)):
            shapes |= {f'{block}.{name}.weight': (out, into), f'{block}.{name}.bias': (out, )}
    shapes |= {f'{norm}.{param}': (CHANNELS, ) for norm in norms for param in ('weight', 'bias')}
    weights = {f'visual.{name}': 0.3 * torch.randn(shape) for name, shape in shapes.items()}
    return {**weights, 'token_embedding.weight': torch.zeros(3, 3)}


def slow_openai(weights, image, heads):
    """One image (3, H, W) -> (N, D), written out with single heads."""
    get = lambda name: weights[f'visual.{name}']  # noqa: E731
    norm = lambda x, name: nn.functional.layer_norm(x, x.shape[-1:], get(f'{name}.weight'), get(f'{name}.bias'))  # noqa: E731
    linear = lambda x, name: x @ get(f'{name}.weight').T + get(f'{name}.bias')  # noqa: E731
    patches = nn.functional.unfold(image[None], PATCH, stride=PATCH)[0].T  # (N, 3 P P)
    x = torch.cat([get('class_embedding')[None], patches @ get('conv1.weight').flatten(1).T])
    x = norm(x + get('positional_embedding'), 'ln_pre')
    for i in range(DEPTH):
        block = f'transformer.resblocks.{i}'
        y = norm(x, f'{block}.ln_1') @ get(f'{block}.attn.in_proj_weight').T + get(f'{block}.attn.in_proj_bias')
        parts = [part.chunk(heads, 1) for part in y.chunk(3, 1)]
        outs = [((q @ k.T) / math.sqrt(q.size(1))).softmax(1) @ v for q, k, v in zip(*parts, strict=True)]
        x = x + linear(torch.cat(outs, 1), f'{block}.attn.out_proj')
        hidden = linear(norm(x, f'{block}.ln_2'), f'{block}.mlp.c_fc')
        x = x + linear(hidden * torch.sigmoid(1.702 * hidden), f'{block}.mlp.c_proj')
    return norm(x[1:], 'ln_post') @ get('proj')


def clip(tmp_path, weights, channels=WIDTH, head_dims=8):
    torch.save(weights, tmp_path / 'clip.pt')
    target = CLIPTargets(str(tmp_path / 'clip.pt'), channels, head_dims)
    target.init_weights()
    return target


def test_openais_tower_is_the_original_written_out(tmp_path):
    weights = openai_weights()
    target = clip(tmp_path, weights)
    pixels = torch.rand(2, 3, SIDE * PATCH, SIDE * PATCH) * 255
    found = target(pixels, (SIDE, SIDE))
    for image, tokens in zip(pixels, found, strict=True):
        wanted = slow_openai(weights, (image - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1), 2)
        torch.testing.assert_close(tokens, wanted, atol=1e-4, rtol=1e-4)
    assert target(torch.rand(1, 3, 48, 32), (3, 2)).shape == (1, 6, WIDTH)
    assert not list(target.parameters())
    assert not target.state_dict()


def eva_weights():
    """An image tower in EVA-CLIP's layout."""
    model = MODELS.build(dict(type='mmseg_plugins.EVA', arch=dict(embed_dims=CHANNELS, depth=DEPTH, num_heads=2),
                              patch_size=PATCH, pretrain_size=SIDE * PATCH, with_cls_token=True, final_norm=True))
    head = nn.Linear(CHANNELS, WIDTH)
    state = {**model.state_dict(), **{f'head.{name}': value for name, value in head.state_dict().items()}}
    return model.eval(), head, {f'visual.{name}': value for name, value in state.items()}


def test_eva_clips_tower_projects_every_patch(tmp_path):
    model, head, weights = eva_weights()
    target = clip(tmp_path, {'module': weights})
    pixels = torch.rand(1, 3, SIDE * PATCH, SIDE * PATCH) * 255
    image = (pixels - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
    with torch.no_grad():
        wanted = head(model(image)[0].flatten(2).transpose(1, 2))
    torch.testing.assert_close(target(pixels, (SIDE, SIDE)), wanted)
    assert target.double()(pixels.double(), (SIDE, SIDE)).dtype == torch.float64


def test_files_that_are_no_tower_are_refused(tmp_path):
    with pytest.raises(UserError, match=r'was not read.*init_weights'):
        CLIPTargets('nowhere.pt', WIDTH)(torch.zeros(1, 3, 32, 32), (4, 4))
    with pytest.raises(UserError, match='an image tower of EVA-CLIP'):
        clip(tmp_path, {'a.weight': torch.zeros(1)})
    with pytest.raises(UserError, match=f'channels=3, but .* projects to {WIDTH}'):
        clip(tmp_path, openai_weights(), channels=3)
    lacking = {name: value for name, value in openai_weights().items() if 'ln_post' not in name}
    with pytest.raises(UserError, match=r'is no image tower of CLIP as OpenAITower reads it'):
        clip(tmp_path, lacking)

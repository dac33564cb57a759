"""Mixing is the product: every cell of a generated grid of backbones, necks and systems (``mixing_grid.py``).

A legal cell builds from its config, gives finite losses with a gradient in every trainable parameter whether its
batch has objects or not (and one that is not zero if it has), predicts, takes an optimizer step and survives its
checkpoint.  An illegal one raises an error that names both sides.  Each system finds nothing where nothing is to be
found, and goes through ``mmseg-plugins train --dry-run`` once, on backbones and necks in turn.
"""


import io
import re

import pytest
import torch
from mixing_faults import FAULTS, ILLEGAL, spoiled
from mixing_grid import BACKBONES, BATCHES, FAMILIES, GRID, LEGAL, NECKS, PLAIN, PYRAMID, Mix, combine
from mixing_systems import SYSTEMS
from mmdet.registry import MODELS
from mmengine.config import Config
from mmengine.optim import OptimWrapper
from tiny_models import batch, build, losses_of, predictions_of
from toy_runs import detector_config, write_toy_coco

from mmseg_plugins.cli.main import main
from mmseg_plugins.engine.checks.compatibility import check_model
from mmseg_plugins.engine.checks.forward_errors import explain_forward_errors
from mmseg_plugins.utils.errors import UserError

# What a stock part leaves without a gradient, against this project's contract: (system, batch) -> where, and why.
EXCLUDED = {
    ('Mask2Former', 'objects'): (
        ('panoptic_head.pixel_decoder.level_encoding', ),
        'it moves the sampling points of deformable attention, whose weights start at zero: zero until the first step'),
    ('stock SOLOv2', 'no objects'): (
        ('mask_head.kernel_convs', 'mask_head.conv_kernel'),
        'stock SOLOV2Head takes the mask loss of a batch without objects from the mask features alone, so that its '
        'kernel branch is no part of any loss: DDP needs find_unused_parameters'),
}  # fmt: skip


def model_of(model_config):
    return build(Config(dict(model=model_config, default_scope='mmdet')))


def without_gradient(model, objects):
    """Names of trainable parameters that the losses of a batch do not reach; the losses and gradients are finite.

    Where every image has objects, a gradient that is zero throughout counts as none.
    """
    model.zero_grad(set_to_none=True)
    losses = losses_of(model, batch(objects))
    assert all(loss.isfinite().all() for loss in losses.values()), losses
    sum(loss.sum() for loss in losses.values()).backward()
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.grad is not None)
    return [
        name for name, p in model.named_parameters()
        if p.requires_grad and (p.grad is None or (all(objects) and not p.grad.any()))
    ]


def test_the_grid_is_whole():
    assert (len(BACKBONES), len(NECKS), len(SYSTEMS)) == (7, 5, 16)
    assert len(GRID) == 7 * 5 * 16
    # Without a neck six systems read the backbones' maps, each with channels of its own.
    assert sum(bool(system.bare) for system in SYSTEMS.values()) == 6
    assert set(SYSTEMS) - set(NOTHING) == {'Mask2Former'}
    # A plain transformer under its pyramid: EVA02 with each system, EVA with one of each family.
    assert (len(PLAIN), len(FAMILIES)) == (2, 4)
    assert len(LEGAL) == 7 * (4 * 16 + 6) + 16 + 4
    # Five faults for each system, strides beyond the first where they are declared, more for RoI heads with extractors.
    assert len(ILLEGAL) == 5 * 16 + 14 + 3 * 3 + 2


@pytest.mark.parametrize('mix', LEGAL, ids=str)
def test_legal_combination(mix):
    config = combine(mix)
    model = model_of(config)
    check_model(model)
    for name, objects in BATCHES.items():
        lost = without_gradient(model, objects)
        allowed, _ = EXCLUDED.get((mix.system, name), ((), ''))
        assert all(parameter.startswith(allowed) for parameter in lost) if allowed else not lost, (name, lost)
        assert bool(lost) == bool(allowed), 'an exclusion that is not needed any more'
    step_and_reload(model, config)


def step_and_reload(model, config):
    """What ``--dry-run`` does, within this process: a step, a checkpoint, the same predictions from it."""
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    wrapper = OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.01))
    model.train()
    logged = model.train_step(batch(BATCHES['objects']), wrapper)
    assert logged['loss'].isfinite()
    assert any(not torch.equal(before[name], p) for name, p in model.named_parameters())
    file = io.BytesIO()
    torch.save(model.state_dict(), file)
    file.seek(0)
    loaded = MODELS.build(config)  # with other weights than the first, until these are loaded
    loaded.load_state_dict(torch.load(file, weights_only=True))
    found, again = (predictions_of(m, batch(BATCHES['objects'])) for m in (model, loaded))
    for first, second in zip(found, again, strict=True):
        assert len(first) > 0
        assert first.masks.shape == (len(first), 64, 64)
        assert first.scores.isfinite().all()
        assert torch.equal(first.scores, second.scores)


@pytest.mark.parametrize('mix', [mix for mix in GRID if mix not in LEGAL], ids=str)
def test_maps_of_a_backbone_in_a_head_that_wants_a_neck(mix):
    with pytest.raises(UserError) as caught:
        check_model(model_of(combine(mix)))
    assert 'model.backbone' in str(caught.value)
    assert any(f'model.{head}' in str(caught.value) for head in ('rpn_head', 'mask_head', 'panoptic_head'))


@pytest.mark.parametrize(('system', 'fault'), ILLEGAL)
def test_illegal_combination_names_both_sides_and_a_fix(system, fault):
    with pytest.raises((UserError, ValueError), match=r'Fix: |set |correct ') as caught:  # the check's, or a part's own
        try_out(spoiled(system, fault))
    for side in FAULTS[fault].sides:
        assert re.search(side, str(caught.value)), (side, str(caught.value))


def try_out(config):
    """As a training run does: asked when the model is built, else explained in its first forward pass."""
    model = model_of(config)
    check_model(model)
    with explain_forward_errors(model):
        losses_of(model, batch(BATCHES['objects']))


# What makes a system find nothing; Mask2Former has no threshold, it gives its best queries whatever they are.
NOTHING = {
    **dict.fromkeys(['Mask R-CNN', 'PANet', 'Cascade R-CNN, our mask head', 'FCIS', 'MaskLab'], 'rcnn.score_thr'),
    'InstanceFCN': 'score_thr',
    'PSENet': 'min_score',
    'embeddings': 'min_pixels',
    **{system: 'score_thr' for system in SYSTEMS if 'SOLO' in system},
}
UNREACHABLE = 5000  # above any score, and more pixels than a 64-pixel image has


def nothing_found(mix):
    """A cell whose predictions are empty."""
    config = Config(dict(model=combine(mix)))
    config.merge_from_dict({f'model.test_cfg.{NOTHING[mix.system]}': UNREACHABLE})
    return config.model


@pytest.mark.parametrize('system', NOTHING)
def test_a_prediction_without_any_object(system):
    mix = Mix('mmdet.ResNet', 'mmseg_plugins.PANetFPN', system)
    for found in predictions_of(model_of(nothing_found(mix)), batch(BATCHES['half-empty'])):
        assert len(found) == 0
        assert found.bboxes.shape == (0, 4)
        assert found.scores.shape == found.labels.shape == (0, )
        assert found.masks.shape == (0, 64, 64)


def dry_runs():
    """One legal cell of each system, on backbones and necks in turn; a bare backbone; a cell that finds nothing."""
    necks = [neck for neck in NECKS if neck != 'none']
    for turn, system in enumerate(SYSTEMS):
        mix = Mix(list(BACKBONES)[turn % len(BACKBONES)], necks[turn % len(necks)], system)
        yield pytest.param(combine, mix, id=str(mix))
    bare = Mix('mmdet.SwinTransformer', 'none', 'Mask2Former')
    yield pytest.param(combine, bare, id=str(bare))
    plain = Mix('mmseg_plugins.EVA02', PYRAMID, 'Mask R-CNN')
    yield pytest.param(combine, plain, id=str(plain))
    nothing = Mix('mmdet.ResNet', 'mmseg_plugins.PANetFPN', 'PANet')
    yield pytest.param(nothing_found, nothing, id='nothing found')


@pytest.mark.parametrize(('model', 'mix'), dry_runs())
def test_dry_run(model, mix, tmp_path, capsys, monkeypatch):
    """The whole command; tests/cli/test_end_to_end.py runs it as a process of its own."""
    monkeypatch.setenv('LOCAL_RANK', '0')  # the command sets it
    config = detector_config(write_toy_coco(tmp_path / 'data'), tmp_path / 'work')
    config.model = model(mix)
    path = tmp_path / 'mixed.py'
    config.dump(str(path))
    status = main(['train', str(path), '--dry-run', '--work-dir', str(tmp_path / 'run')])
    printed = ''.join(capsys.readouterr())
    assert status == 0, printed[-3000:]
    assert 'dry run passed' in printed

"""Mixing is the product: every cell of a generated grid of backbones, necks and systems (``mixing_grid.py``).

A legal cell builds from its config, gives finite losses with a gradient in every trainable parameter whether its
batch has objects or not, predicts, takes an optimizer step and survives its checkpoint.  An illegal one raises an
error that names both sides.  One cell of each system also goes through ``tools/train.py --dry-run``.
"""

import io
import os
import re
import subprocess
import sys

import pytest
import torch
from mixing_faults import FAULTS, ILLEGAL, spoiled
from mixing_grid import BACKBONES, GRID, NECKS, SYSTEMS, Mix, combine, legal
from mmengine.config import Config
from mmengine.optim import OptimWrapper
from tiny_models import batch, build, losses_of, predictions_of
from toy_runs import ROOT, detector_config, write_toy_coco

from mmseg_plugins.engine.compatibility import CompatibilityError, check_model
from mmseg_plugins.engine.forward_errors import explain_forward_errors

LEGAL = [mix for mix in GRID if legal(mix)]
OBJECTS = [[4, 4, 30, 40], [20, 20, 60, 60]]
BATCHES = {
    'objects': [OBJECTS, [[0, 0, 64, 64], [10, 10, 22, 22]]],
    'half-empty': [OBJECTS, []],
    'no objects': [[], []],
}
# What a stock part leaves without a gradient, against this project's contract: (system, batch) -> where, and why.
EXCLUDED = {
    ('stock SOLOv2', 'no objects'): (
        ('mask_head.kernel_convs', 'mask_head.conv_kernel'),
        'stock SOLOV2Head takes the mask loss of a batch without objects from the mask features alone, so that its '
        'kernel branch is no part of any loss: DDP needs find_unused_parameters'),
}  # fmt: skip


def model_of(model_config):
    return build(Config(dict(model=model_config, default_scope='mmdet')))


def without_gradient(model, objects):
    """Names of trainable parameters that the losses of a batch do not reach; the losses and gradients are finite."""
    model.zero_grad(set_to_none=True)
    losses = losses_of(model, batch(objects))
    assert all(loss.isfinite().all() for loss in losses.values()), losses
    sum(loss.sum() for loss in losses.values()).backward()
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.grad is not None)
    return [name for name, p in model.named_parameters() if p.requires_grad and p.grad is None]


def test_the_grid_is_whole():
    assert (len(BACKBONES), len(NECKS), len(SYSTEMS)) == (6, 5, 13)
    assert len(GRID) == 6 * 5 * 13
    # Without a neck only Mask2Former reads the backbones' maps, each with channels of its own.
    assert len(LEGAL) == 6 * (4 * 13 + 1)
    # Four faults for each system, wrong strides where they are declared, more for RoI heads with extractors.
    assert len(ILLEGAL) == 4 * 13 + 6 + 3 * 3 + 2


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
    loaded = model_of(config)
    loaded.load_state_dict(torch.load(file, weights_only=True))
    found, again = (predictions_of(m, batch(BATCHES['objects'])) for m in (model, loaded))
    for first, second in zip(found, again, strict=True):
        assert len(first) > 0
        assert first.masks.shape == (len(first), 64, 64)
        assert first.scores.isfinite().all()
        assert torch.equal(first.scores, second.scores)


@pytest.mark.parametrize('mix', [mix for mix in GRID if not legal(mix)], ids=str)
def test_maps_of_a_backbone_in_a_head_that_wants_a_neck(mix):
    with pytest.raises(CompatibilityError) as caught:
        check_model(model_of(combine(mix)))
    assert 'model.backbone' in str(caught.value)
    assert any(f'model.{head}' in str(caught.value) for head in ('rpn_head', 'mask_head', 'panoptic_head'))


@pytest.mark.parametrize(('system', 'fault'), ILLEGAL)
def test_illegal_combination_names_both_sides_and_a_remedy(system, fault):
    with pytest.raises(ValueError, match=r'Remedy: |set |correct ') as caught:  # the check's, or a part's own
        try_out(spoiled(system, fault))
    for side in FAULTS[fault].sides:
        assert re.search(side, str(caught.value)), (side, str(caught.value))


def try_out(config):
    """As a training run does: asked when the model is built, else explained in its first forward pass."""
    model = model_of(config)
    check_model(model)
    with explain_forward_errors(model):
        losses_of(model, batch(BATCHES['objects']))


@pytest.mark.parametrize('system', SYSTEMS)
def test_dry_run(system, tmp_path):
    """The real tool, once a system, on backbones and necks in turn."""
    turn = list(SYSTEMS).index(system)
    backbone = list(BACKBONES)[turn % len(BACKBONES)]
    config = detector_config(write_toy_coco(tmp_path / 'data'), tmp_path / 'work')
    config.model = combine(Mix(backbone, 'mmseg_plugins.PANetFPN', system))
    path = tmp_path / 'mixed.py'
    config.dump(str(path))
    command = [sys.executable, '-W', 'ignore', 'tools/train.py', str(path), '--dry-run', '--work-dir', tmp_path / 'run']
    done = subprocess.run(command, cwd=ROOT, env=dict(os.environ, OMP_NUM_THREADS='1'), text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
    assert 'dry run passed' in done.stdout

"""Stock PanopticFPN takes our necks, extractors and mask heads."""

import pytest
import torch
from config_files import ROOT
from mmdet.structures import DetDataSample
from mmengine.structures import PixelData
from tiny_models import BACKBONE, CHANNELS, batch, build, losses_of

from mmseg_plugins.config.load import load_config
from mmseg_plugins.engine.checks.compatibility import check_model
from mmseg_plugins.engine.checks.image_sizes import check_image_sizes
from mmseg_plugins.utils.errors import UserError

OBJECTS = [[4, 4, 30, 40], [20, 20, 60, 60]]
NAMES = sorted((ROOT / 'configs/panoptic').glob('panoptic-fpn_*.py'))


def tiny(path):
    cfg = load_config(path, {
        'model.neck.in_channels': CHANNELS, 'model.rpn_head.anchor_generator.scales': [2],
        'model.train_cfg.rpn.sampler.num': 1100, 'model.train_cfg.rpn_proposal.max_per_img': 12,
        'model.train_cfg.rcnn.sampler.num': 12, 'model.test_cfg.rpn.max_per_img': 12,
        'model.test_cfg.rcnn.score_thr': 0.0, 'model.test_cfg.panoptic.stuff_area_limit': 1})  # fmt: skip
    cfg.model.backbone = dict(type='ResNet', **BACKBONE, norm_eval=False, zero_init_residual=False)
    return cfg


def panoptic_batch(objects):
    """A batch whose label maps have the objects' class 0 on stuff 5 and 6, and a void corner."""
    made = batch(objects)
    for sample in made['data_samples']:
        labels = torch.full((1, 64, 64), 5)
        labels[:, 32:] = 6
        for mask in sample.gt_instances.masks.masks:
            labels[0, torch.from_numpy(mask).bool()] = 0
        labels[:, :4, :4] = 255
        sample.gt_sem_seg = PixelData(sem_seg=labels)
    return made


@pytest.mark.parametrize('path', NAMES, ids=lambda path: path.stem)
def test_every_parameter_learns_and_a_panoptic_map_is_predicted(path):
    model = build(tiny(path))
    check_model(model)
    for objects in ([OBJECTS, [[0, 0, 64, 64], [10, 10, 22, 22]]], [[], []]):
        model.zero_grad(set_to_none=True)
        losses = losses_of(model, panoptic_batch(objects))
        assert 'loss_seg' in losses
        assert all(loss.isfinite().all() for loss in losses.values()), losses
        sum(loss.sum() for loss in losses.values()).backward()
        lost = [name for name, p in model.named_parameters() if p.requires_grad and p.grad is None]
        assert lost == []
    sample = model.eval().test_step(batch([OBJECTS]))[0]
    ids = sample.pred_panoptic_seg.sem_seg
    assert ids.shape == (1, 64, 64)
    classes = ids % 1000
    assert bool(((ids >= 1000) == (classes < 5)).all())
    assert int(classes.max()) <= 7  # 7 is void


@pytest.mark.parametrize('path', NAMES, ids=lambda path: path.stem)
def test_an_image_of_odd_sides_is_predicted_at_its_size(path):
    model = build(tiny(path)).eval()
    sample = DetDataSample(metainfo=dict(img_shape=(61, 45), ori_shape=(61, 45), scale_factor=(1, 1)))
    image = torch.randint(0, 255, (3, 61, 45), dtype=torch.uint8)
    with torch.no_grad():
        found = model.test_step(dict(inputs=[image], data_samples=[sample]))[0]
    assert found.pred_panoptic_seg.sem_seg.shape == (1, 61, 45)


def test_there_are_three():
    assert len(NAMES) == 3


def test_without_padding_a_run_would_be_stopped_before_its_first_step():
    cfg = tiny(NAMES[-1])
    cfg.model.data_preprocessor.pad_size_divisor = 1
    with pytest.raises(UserError, match=r'PanopticFPN takes no image of 45 x 61 px.*pad_size_divisor=32'):
        check_image_sizes(build(cfg), {'val': [(61, 45)]}, 2, semantic=False)

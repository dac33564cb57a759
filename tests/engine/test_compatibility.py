"""The check of mixed parts: it disturbs nothing, leaves hosts' models alone, and explains what it cannot try."""


import pytest
import torch
from mixing_grid import Mix, combine
from mixing_systems import GN, WIDTH
from mmdet.models.dense_heads import RPNHead
from mmdet.models.detectors.single_stage_instance_seg import SingleStageInstanceSegmentor
from mmengine.config import Config, ConfigDict
from mmengine.model import BaseModule
from mmengine.registry import MODELS, DefaultScope
from tiny_models import batch, build, losses_of
from torch import nn
from toy_runs import detector_config, segmentor_config, write_toy_coco, write_toy_label_maps

from mmseg_plugins.engine import SafeRunner
from mmseg_plugins.engine.checks.compatibility import check_model, names_plugin
from mmseg_plugins.engine.checks.forward_errors import explain_forward_errors
from mmseg_plugins.utils.errors import UserError

OBJECTS = [[[4, 4, 30, 40]], []]


def mixed(system='Mask R-CNN', neck='mmseg_plugins.PANetFPN'):
    return combine(Mix('mmdet.ResNet', neck, system))


def built(model):
    return build(Config(dict(model=model, default_scope='mmdet')))


def test_weights_buffers_modes_and_random_numbers_stay_as_they_were():
    model = built(mixed())
    model.train()
    model.backbone.layer1.eval()
    state = {key: value.clone() for key, value in model.state_dict().items()}
    modes = [module.training for module in model.modules()]
    generator = torch.get_rng_state()
    check_model(model)
    assert all(torch.equal(value, state[key]) for key, value in model.state_dict().items())
    assert [module.training for module in model.modules()] == modes
    assert torch.equal(torch.get_rng_state(), generator)
    assert all(p.grad is None for p in model.parameters())


def test_only_configs_that_name_a_part_of_this_package_are_checked():
    assert names_plugin(mixed())
    assert names_plugin(dict(a=[dict(type='mmseg_plugins.X')]))
    assert not names_plugin(mixed(neck='mmdet.FPN'))
    assert not names_plugin(None)


def wrong(neck):
    model = mixed(neck=neck)
    model.neck.out_channels = 2 * WIDTH
    return model


def run_config(tmp_path, model, **changes):
    config = detector_config(write_toy_coco(tmp_path / 'data', images=2), tmp_path / 'work', **changes)
    config.model = model
    return config


def test_the_runner_stops_before_anything_is_loaded(tmp_path):
    with pytest.raises(UserError, match=r'model\.rpn_head .*model\.neck'):
        SafeRunner.from_cfg(run_config(tmp_path, wrong('mmseg_plugins.PANetFPN')))


def test_a_hosts_own_model_is_left_to_the_host(tmp_path):
    runner = SafeRunner.from_cfg(run_config(tmp_path, wrong('mmdet.FPN')))
    with pytest.raises(RuntimeError, match='expected input'):
        runner.train()


def test_the_switch_leaves_the_check_out(tmp_path):
    config = run_config(tmp_path, wrong('mmseg_plugins.PANetFPN'), compatibility_check=False)
    with pytest.raises(RuntimeError, match='expected input'):
        SafeRunner.from_cfg(config).train()


def test_a_segmentors_head_is_asked_too(tmp_path):
    config = segmentor_config(write_toy_label_maps(tmp_path / 'data'), tmp_path / 'work')
    config.model.backbone.update(num_stages=4, strides=(1, 2, 2, 2), dilations=(1, 1, 1, 1), out_indices=(0, 1, 2, 3))
    config.model.neck = dict(
        type='mmseg_plugins.PANetFPN', in_channels=[8, 16, 32, 64], out_channels=WIDTH, num_outs=4, norm_cfg=GN)
    config.model.decode_head.update(in_index=0)
    SafeRunner.from_cfg(config)
    config.model.decode_head.update(in_channels=24)
    config.experiment_name = 'another'
    with pytest.raises(UserError, match=r'model.decode_head \(FCNHead: in_channels=24.*model.neck.*channels'):
        SafeRunner.from_cfg(config)


class SomeMaps(RPNHead):
    """Reads the maps of ``in_levels`` only, as FCIS's and MaskLab's proposals do."""

    def __init__(self, in_levels, **kwargs):
        super().__init__(**kwargs)
        self.in_levels = in_levels

    def forward(self, x):
        return super().forward([x[i] for i in self.in_levels])


@pytest.mark.parametrize(('stride', 'fits'), [(16, True), (8, False)])
def test_a_head_on_chosen_maps_is_compared_with_those(stride, fits):
    model = built(mixed())
    settings = mixed().rpn_head
    settings.pop('type')
    settings.anchor_generator.strides = [stride]
    with DefaultScope.overwrite_default_scope('mmdet'):
        model.rpn_head = SomeMaps([2], **settings)
    if fits:
        check_model(model)
        return
    with pytest.raises(UserError, match=r'strides=\[8\], 1 levels.* gives 1 map of \[16\].*strides \[16\]'):
        check_model(model)


@pytest.mark.parametrize(('system', 'wrong', 'said'), [
    ('InstanceFCN', dict(strides=[8, 16, 32, 64]), r'strides=\[8, 16, 32, 64\], 4 levels.*strides=\[4, 8, 16, 32\] in'),
    ('InstanceFCN', dict(strides=[8, 16, 32, 64], upsample_factor=2),
     r'strides=\[8, 16, .* strides=\[4, 8, 16, 32\] in'),
    ('PSENet', dict(stride=8), r'stride=8, of the first map.* stride=4 in'),
    ('embeddings', dict(stride=8, upsample_factor=2), r'stride=8, of the first map.* stride=4 in'),
    ('stock SOLO', dict(strides=[4, 8, 16, 32, 64]), r'its ends resized.*strides=\[8, 8, 16, 32, 32\] in'),
    ('stock decoupled SOLO', dict(strides=[8, 8, 16, 32, 64]), r'strides=\[8, 8, 16, 32, 32\] in'),
    ('SOLOv2', dict(strides=[8, 8, 16, 32, 32], resize_ends=False), r'strides=\[4, 8, 16, 32, 64\] in'),
])
def test_strides_of_a_head_itself_are_compared(system, wrong, said):
    model = mixed(system)
    check_model(built(model))
    model.mask_head.update(wrong)
    with pytest.raises(UserError, match=rf'model\.mask_head .*{said} model\.mask_head'):
        check_model(built(model))


@pytest.mark.parametrize(('system', 'right'), [
    ('InstanceFCN', dict(strides=[4, 8, 16, 32], upsample_factor=2)), ('PSENet', dict(stride=4)),
    ('embeddings', dict(stride=4, upsample_factor=1)), ('SOLO', dict(strides=[4, 8, 16, 32, 64], resize_ends=False)),
])
def test_right_strides_of_a_head_itself_pass(system, right):
    model = mixed(system)
    model.mask_head.update(right)
    check_model(built(model))


def test_a_stride_that_is_no_mask_heads_may_mean_another_thing():
    """``FCNSkipHead.stride`` is that of its output, before the last deconvolution."""

    class Enlarging(nn.Module):
        stride = 16

        def forward(self, maps):
            return maps[0]

    model = SingleStageInstanceSegmentor.__new__(SingleStageInstanceSegmentor)
    nn.Module.__init__(model)
    model.backbone = nn.Conv2d(3, 4, 3, stride=2, padding=1)
    model.decode_head = Enlarging()
    check_model(model)


@pytest.mark.parametrize(('rpn', 'head', 'fits'), [
    ('half_open', 'chainercv', True), ('inclusive', 'msracver', True), (None, 'chainercv', True),
    ('half_open', 'msracver', False), ('inclusive', 'chainercv', False), (None, 'msracver', False),
])
def test_rpn_and_roi_head_must_count_the_pixels_of_a_box_alike(rpn, head, fits):
    model = mixed('FCIS')
    model.roi_head.preset = head
    if rpn is None:
        model.rpn_head.type = 'mmdet.RPNHead'
    else:
        model.rpn_head.box_mode = rpn
    if rpn == 'inclusive':
        model.rpn_head.bbox_coder = dict(type='mmseg_plugins.InclusiveDeltaXYWHBBoxCoder')
    model = built(model)
    if fits:
        check_model(model)
        return
    with pytest.raises(UserError, match=r'model\.rpn_head .*FCISHead in model\.roi_head.* one mode'):
        check_model(model)


def test_more_results_than_pairs_of_query_and_class_are_named():
    model = mixed('Mask2Former')
    model.test_cfg.max_per_image = 13
    with pytest.raises(UserError, match=r'max_per_image=13 .* 12 pairs .*model.panoptic_head.*num_queries=6'):
        check_model(built(model))


def test_a_backbone_that_wants_more_than_an_image_is_not_asked():
    class Two(nn.Module):
        def forward(self, image, depth):
            return image, depth

    model = nn.Module()
    model.backbone = Two()
    model.neck = nn.Conv2d(1, 1, 1)
    check_model(model)
    check_model(nn.Linear(2, 2))


class OwnHead(BaseModule):
    """A RoI head that routes its maps in a way of its own: the check cannot try it."""

    def __init__(self, train_cfg=None, test_cfg=None):
        super().__init__()
        self.bbox_head = nn.Conv2d(3, 4, 1)
        self.first = OwnPart()

    def loss(self, x, proposals, samples):
        return dict(loss=self.first(x[0]).sum())


class OwnPart(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)

    def forward(self, x):
        return self.conv(x)


@pytest.fixture
def own():
    """Mask R-CNN with a RoI head of this module that reads maps of 3 channels."""
    MODELS.register_module(name='OwnHead', module=OwnHead)
    model = mixed()
    model.roi_head = ConfigDict(type='OwnHead')
    with DefaultScope.overwrite_default_scope('mmengine'):
        yield model
    MODELS.module_dict.pop('OwnHead')


def test_what_cannot_be_tried_is_explained_in_the_first_forward_pass(own):
    model = built(own)
    check_model(model)
    with pytest.raises(UserError) as caught, explain_forward_errors(model):
        losses_of(model, batch(OBJECTS))
    text = str(caught.value)
    assert text.startswith('model.roi_head.first (OwnPart: in_channels=3) cannot read its input: model.neck (PANetFPN)')
    assert 'in_channels=16 in model.roi_head.first' in text
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_later_failures_and_failures_of_losses_are_not_explained_away(own):
    model = built(own)
    with pytest.raises(RuntimeError, match='expected input') as caught, explain_forward_errors(model, lambda: False):
        losses_of(model, batch(OBJECTS))
    assert not isinstance(caught.value, UserError)
    fine = built(mixed())
    data = batch([[[4, 4, 30, 40]]])
    data['data_samples'][0].gt_instances.labels += 7  # a class that the head does not have
    with pytest.raises((RuntimeError, IndexError)) as caught, explain_forward_errors(fine):
        losses_of(fine, data)
    assert not isinstance(caught.value, UserError)

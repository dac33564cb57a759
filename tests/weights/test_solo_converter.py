"""Whole released checkpoints against the configs of the same name: every key, and every refusal."""


import pytest
import torch
from mmdet.registry import MODELS
from mmengine.registry import DefaultScope
from official_solo import decoupled_light_dcn_r50, solo_r50, solov2_light_r18
from tiny_models import CONFIGS

from mmseg_plugins.config.load import load_config
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.weights.solo import convert_solo
from mmseg_plugins.weights.state_dict_rules import check_matches

RELEASED = {
    'solo_r50_3x_coco': solo_r50,
    'decoupled-solo-light_r50-dcn_3x_coco': decoupled_light_dcn_r50,
    'solov2-light_r18-448_3x_coco': solov2_light_r18,
}


def empty(params):
    """Tensors of the right shapes that take no memory."""
    return {name: torch.zeros(1).expand(shape) if shape else torch.tensor(0) for name, shape in params.items()}


@pytest.mark.parametrize('name', RELEASED)
def test_every_key_of_the_model_comes_from_the_checkpoint_and_none_is_left(name):
    official = empty(RELEASED[name]())
    cfg = load_config(CONFIGS / f'solo/{name}.py', {'model.backbone.init_cfg': None})
    with DefaultScope.overwrite_default_scope('mmdet'), torch.device('meta'):
        wanted = MODELS.build(cfg.model).state_dict()
    converted = convert_solo(official)
    check_matches(converted, wanted, name)
    assert len(converted) == len(official)


def test_old_names_of_deformable_offsets_are_read():
    converted = convert_solo({'backbone.layer3.1.conv2_offset.weight': torch.zeros(18, 8, 3, 3)})
    assert list(converted) == ['backbone.layer3.1.conv2.conv_offset.weight']


def test_unknown_keys_are_listed():
    with pytest.raises(UserError) as error:
        convert_solo({'bbox_head.ins_convs.0.conv.weight': torch.zeros(1), 'bbox_head.fcos_cls.weight': torch.zeros(1),
                      'neck.lateral_convs.0.gn.weight': torch.zeros(1)})
    assert 'WXinlong/SOLO' in str(error.value)
    assert 'bbox_head.fcos_cls.weight' in str(error.value)
    assert 'neck.lateral_convs.0.gn.weight' in str(error.value)
    assert 'ins_convs' not in str(error.value)

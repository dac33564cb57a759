"""The official PANet checkpoint against the released setting's config: every key, several outputs, every refusal."""


import pytest
import torch
from golden_cases import golden_state_dict, rel_error
from mmdet.registry import MODELS, TASK_UTILS
from mmengine.structures import InstanceData
from official_panet import official_backbone, official_params, official_rpn
from tiny_models import CONFIGS

from mmseg_plugins.config.load import load_config
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.weights.panet import convert_panet
from mmseg_plugins.weights.state_dict_rules import check_matches

CONFIG = CONFIGS / 'panet/panet_r50-path-pooling-fusion-4conv1fc_2x_coco.py'


@pytest.fixture(scope='module')
def official():
    return golden_state_dict(official_params(), seed=7, gain=1.0)


@pytest.fixture(scope='module')
def model(official):
    from mmengine.registry import DefaultScope
    with DefaultScope.overwrite_default_scope('mmdet'):
        model = MODELS.build(load_config(CONFIG).model)
    model.load_state_dict(convert_panet(official), strict=True)
    return model.eval()


def test_every_key_of_the_model_comes_from_the_checkpoint(official, model):
    converted = convert_panet(official)
    check_matches(converted, model.state_dict(), 'the released setting')
    frozen = {'running_mean', 'running_var', 'num_batches_tracked'}
    made = [key for key in converted if key.rsplit('.', 1)[-1] in frozen]
    assert len(converted) - len(made) == len(official)
    background = 4 * 1024 + 4 + 256 + 1  # its slots in the box and mask predictors have no place here
    assert sum(v.numel() for v in official.values()) - background == sum(
        v.numel() for k, v in converted.items() if k not in made)


def test_backbone_gives_the_same_maps(official, model):
    torch.manual_seed(0)
    image = torch.randn(1, 3, 64, 96)
    with torch.no_grad():
        for ours, theirs in zip(model.backbone(image), official_backbone(official, image), strict=True):
            assert rel_error(ours, theirs) < 3.2e-5


def test_rpn_gives_the_same_logits_and_deltas(official, model):
    torch.manual_seed(0)
    level = torch.randn(1, 256, 5, 6)
    with torch.no_grad():
        for ours, theirs in zip(model.rpn_head.forward_single(level), official_rpn(official, level), strict=True):
            assert rel_error(ours, theirs) < 3.2e-5


def test_background_becomes_the_last_class(official, model):
    torch.testing.assert_close(model.roi_head.bbox_head.fc_cls.weight[80], official['Box_Outs.cls_score.weight'][0])
    torch.testing.assert_close(model.roi_head.bbox_head.fc_cls.bias[:80], official['Box_Outs.cls_score.bias'][1:])
    torch.testing.assert_close(model.roi_head.bbox_head.fc_reg.bias, official['Box_Outs.bbox_pred.bias'][4:])
    torch.testing.assert_close(model.roi_head.mask_head.conv_logits.bias, official['Mask_Outs.classify.bias'][1:])


def test_the_config_decodes_boxes_as_the_original(model):
    """Box weights (10, 10, 5, 5), widths x2 - x1 + 1: a shift of one width, a doubled height."""
    roi = torch.tensor([[10.0, 20, 19, 39]])  # 10 x 20 pixels
    deltas = torch.tensor([[10.0, 0, 0, 5 * torch.log(torch.tensor(2.0)).item()]])
    box = model.roi_head.bbox_head.bbox_coder.decode(roi, deltas)
    torch.testing.assert_close(box, torch.tensor([[20.0, 10, 29, 49]]))
    box = model.rpn_head.bbox_coder.decode(roi, deltas / torch.tensor([10.0, 10, 5, 5]))
    torch.testing.assert_close(box, torch.tensor([[20.0, 10, 29, 49]]))

def test_boxes_have_inclusive_corners_between_half_open_objects_and_detections(model):
    """A perfect detection of 20 x 20 pixels has them all, at the image's border, too."""
    bbox_head = model.roi_head.bbox_head
    assert (model.rpn_head.box_mode, bbox_head.box_mode) == ('inclusive', 'inclusive')
    meta = dict(img_shape=(64, 64), ori_shape=(64, 64), scale_factor=(1.0, 1.0))
    scores = torch.zeros(2, 81)
    scores[:, 0] = 20
    for corner in (10.0, 44.0):
        rois = torch.tensor([[0, corner, corner, corner + 19, corner + 19]]).repeat(2, 1)
        found = bbox_head._predict_by_feat_single(rois, scores, torch.zeros(2, 320), meta, True, model.test_cfg.rcnn)
        torch.testing.assert_close(found.bboxes, torch.tensor([[corner, corner, corner + 20, corner + 20]]))


def test_every_object_has_its_best_anchor(model):
    """One of 8 x 8 pixels too, the whole of it inside an anchor of 32 x 32 (IoU 1/16)."""
    assigner = TASK_UTILS.build(load_config(CONFIG).model.train_cfg.rpn.assigner)
    anchors = InstanceData(priors=torch.tensor([[0.0, 0, 31, 31], [32, 0, 63, 31]]))
    objects = InstanceData(bboxes=torch.tensor([[10.0, 10, 17, 17]]), labels=torch.zeros(1).long())
    assigned = assigner.assign(anchors, objects)
    assert assigned.gt_inds.tolist() == [1, 0]
    assert assigned.max_overlaps.tolist() == [1 / 16, 0]


def test_a_prediction_runs_through(model):
    from tiny_models import batch, predictions_of
    result = predictions_of(model, batch([[]], size=(64, 64)))[0]
    assert result.bboxes.isfinite().all()
    assert result.masks.shape[1:] == (64, 64)


def test_unknown_keys_are_listed(official):
    with pytest.raises(UserError) as error:
        convert_panet({'Box_Head.fc.weight': torch.zeros(2, 2), 'Nonsense.a': torch.zeros(1), 'res.b': torch.zeros(1)})
    assert 'Nonsense.a' in str(error.value)
    assert 'res.b' in str(error.value)
    assert '(2)' in str(error.value)
    assert 'Box_Head' not in str(error.value)


def test_two_keys_for_one_parameter_are_refused():
    with pytest.raises(UserError, match='lay claim'):
        convert_panet({'Box_Head.fc.weight': torch.zeros(2, 2), 'Box_Head.fc2.0.weight': torch.zeros(2, 2)})


def test_missing_extra_and_misshaped_keys_are_listed():
    wanted = {'a': torch.zeros(2), 'b': torch.zeros(3)}
    with pytest.raises(UserError) as error:
        check_matches({'b': torch.zeros(4), 'c': torch.zeros(1)}, wanted, 'it')
    text = str(error.value)
    for word in ('missing', '    a', 'not in the model', '    c', 'checkpoint (4,), model (3,)'):
        assert word in text

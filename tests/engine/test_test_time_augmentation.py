"""--tta: what is merged, by which model, and what is refused before anything is loaded."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.dataset import Compose
from mmengine.registry import DefaultScope
from toy_runs import detector_config, segmentor_config, write_toy_label_maps

from mmseg_plugins.config.load import load_config
from mmseg_plugins.engine.runner.options import add_test_time_augmentation
from mmseg_plugins.engine.runner.safe_runner import SafeRunner
from mmseg_plugins.utils.errors import UserError

ONE_CHANNEL = {
    'model.decode_head.num_classes': 2, 'model.decode_head.out_channels': 1, 'model.decode_head.threshold': 0.5,
    'model.decode_head.loss_decode': dict(type='CrossEntropyLoss', use_sigmoid=True)}


def boxes_alone(cfg):
    """A detector's config without its masks."""
    for part in ('mask_head', 'mask_roi_extractor'):
        cfg.model.roi_head.pop(part)
    cfg.test_evaluator.metric = 'bbox'
    return cfg


def test_boxes_are_merged_over_flips(tmp_path):
    cfg = boxes_alone(detector_config(tmp_path, tmp_path))
    add_test_time_augmentation(cfg)
    assert (cfg.model.type, cfg.model.module.type) == ('DetTTAModel', 'MaskRCNN')
    assert cfg.test_dataloader.dataset.pipeline[-1].type == 'TestTimeAug'


@pytest.mark.parametrize('change', [None, 'head', 'metric', 'evaluator'])
def test_masks_are_refused_before_anything_is_loaded(change, tmp_path):
    cfg = detector_config(tmp_path / 'no data', tmp_path)
    words = r'gives masks \(model\.roi_head\.mask_roi_extractor, model\.roi_head\.mask_head'
    if change is not None:
        boxes_alone(cfg)
    if change == 'head':
        cfg.model.panoptic_head, words = dict(type='X'), r'model\.panoptic_head'
    if change == 'metric':
        cfg.test_evaluator.metric, words = ['bbox', 'segm'], r"test_evaluator\.metric=\['bbox', 'segm'\]"
    if change == 'evaluator':
        cfg.test_evaluator.type, words = 'mmseg_plugins.InstanceVOCMetric', r"type='mmseg_plugins\.InstanceVOCMetric'"
    with pytest.raises(UserError, match=f'{words}.*boxes alone.*tta_model .* tta_pipeline'):
        add_test_time_augmentation(cfg)


def test_a_model_of_ones_own_may_merge_masks(tmp_path):
    cfg = detector_config(tmp_path, tmp_path, tta_model=dict(type='my.MaskTTA'), tta_pipeline=[dict(type='X')])
    add_test_time_augmentation(cfg)
    assert (cfg.model.type, cfg.test_dataloader.dataset.pipeline) == ('my.MaskTTA', [dict(type='X')])


@pytest.mark.parametrize('changes', [{}, ONE_CHANNEL, dict(ONE_CHANNEL, tta_model=dict(type='SegTTAModel'))])
def test_semantic_predictions_are_the_mean_over_flips_without_a_line_in_the_config(changes, tmp_path):
    data = write_toy_label_maps(tmp_path / 'data', images=1)
    cfg = segmentor_config(data, tmp_path, **changes)
    cfg.default_hooks.checkpoint.type = 'CheckpointHook'
    add_test_time_augmentation(cfg)
    assert cfg.model.type == 'mmseg_plugins.MeanTTAModel'
    with DefaultScope.overwrite_default_scope('mmseg'):
        runner = SafeRunner.from_cfg(cfg)
        (batch, ) = runner.build_dataloader(cfg.test_dataloader)
        model = runner.model.eval()
        with torch.no_grad():
            (merged, ) = model.test_step(batch)
            both = [model.module.test_step({key: value[i] for key, value in batch.items()})[0] for i in (0, 1)]
    scores = [one.seg_logits.data for one in both]
    mean = torch.stack([one if changes else one.softmax(0) for one in scores]).mean(0)
    labels = (mean > 0.5).float() if changes else mean.argmax(0, keepdim=True)
    assert torch.equal(merged.pred_sem_seg.data, labels)
    assert not torch.equal(scores[0], scores[1])
    assert torch.equal(merged.gt_sem_seg.data, both[0].gt_sem_seg.data)


def test_every_semantic_config_of_ours_takes_it():
    cfg = load_config(Path(__file__).resolve().parents[2] / 'configs/pspnet/pspnet_r18s_1000it-crop224_camvid.py')
    add_test_time_augmentation(cfg)
    *_, augment = cfg.test_dataloader.dataset.pipeline
    assert (cfg.model.type, augment.type) == ('mmseg_plugins.MeanTTAModel', 'TestTimeAug')


@pytest.mark.parametrize(('config', 'widths'), [
    ('deeplab/deeplabv3_r101-os8_30k-crop513_voc.py', [50, 75, 100, 125, 150, 175]),
    ('pspnet/pspnet_r101-os8_30k-crop473_voc.py', [256, 384, 512, 640, 768, 896]),  # the paper's base size
])
def test_published_rows_of_several_scales_are_tested_at_six_scales_and_mirrored(config, widths, tmp_path):
    cfg = load_config(f'mmseg_plugins::{config}')
    add_test_time_augmentation(cfg)
    assert cfg.model.type == 'mmseg_plugins.MeanTTAModel'
    steps = cfg.test_dataloader.dataset.pipeline
    image = np.random.default_rng(0).integers(0, 255, (80, 100, 3), np.uint8)
    cv2.imwrite(str(tmp_path / 'image.png'), image)
    cv2.imwrite(str(tmp_path / 'labels.png'), np.zeros((80, 100), np.uint8))
    with DefaultScope.overwrite_default_scope('mmseg'):
        views = Compose(steps)(dict(img_path=str(tmp_path / 'image.png'), seg_map_path=str(tmp_path / 'labels.png'),
                                    reduce_zero_label=False, seg_fields=[]))
    found = [(view.shape[-1], bool(sample.get('flip', False))) for view, sample in zip(
        views['inputs'], views['data_samples'], strict=True)]
    assert sorted(found) == sorted((width, flip) for width in widths for flip in (False, True))

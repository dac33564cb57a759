"""Panoptic maps as pictures and as files."""

import numpy as np
import torch
from mmdet.structures import DetDataSample
from mmdet.structures.mask import BitmapMasks
from mmengine.structures import InstanceData, PixelData

from mmseg_plugins.apis.prediction_files import panoptic_segments
from mmseg_plugins.visualization.panoptic import draw_panoptic, join_truth, split_segments
from mmseg_plugins.visualization.samples import draw_prediction, draw_truth
from mmseg_plugins.visualization.visualizers import PanopticVisualizer

NAMES = ('disc', 'bar', 'sky')
META = dict(classes=NAMES, palette=[(255, 0, 0), (0, 255, 0), (0, 0, 255)])
GRAY = np.full((64, 64, 3), 90, np.uint8)


def ids():
    """Left half sky, a bar (instance 1) and a disc (instance 2) on the right, the rest void."""
    made = np.full((64, 64), 3, np.int32)
    made[:, :32] = 2
    made[:20, 40:60] = 1001
    made[30:50, 40:60] = 2000
    return made


def test_things_and_stuff_are_told_apart():
    panoptic = split_segments(ids(), 3)
    assert panoptic.labels.tolist() == [1, 0]
    assert panoptic.masks.sum((1, 2)).tolist() == [400, 400]
    assert sorted(np.unique(panoptic.stuff)) == [2, 255]
    assert (panoptic.stuff == 2).sum() == 32 * 64
    assert len(split_segments(np.full((4, 4), 3), 3).labels) == 0


def test_stuff_has_its_palette_and_void_stays_as_it_was():
    picture = draw_panoptic(GRAY, split_segments(ids(), 3), NAMES, META['palette'])
    scale = picture.shape[0] // 64
    blue, green, red = picture[32 * scale, 10 * scale].astype(int)
    assert blue > green + 50
    assert blue > red + 50
    assert (picture[60 * scale, 50 * scale] == 90).all()


def test_truth_is_drawn_from_instances_and_label_map():
    masks = np.zeros((1, 64, 64), np.uint8)
    masks[0, :20, :20] = 1
    sample = DetDataSample(
        gt_instances=InstanceData(
            bboxes=torch.tensor([[0.0, 0, 20, 20]]), labels=torch.tensor([0]), masks=BitmapMasks(masks, 64, 64)),
        gt_sem_seg=PixelData(sem_seg=torch.full((1, 64, 64), 2)))
    caption, picture = draw_truth(GRAY, sample, META)
    assert caption == 'ground truth: 1 things, 1 kind of stuff'
    assert (picture != 90).any()
    assert (join_truth(np.full((64, 64), 2), masks.astype(bool), np.array([0])).stuff[:20, :20] == 255).all()


def test_prediction_without_a_segment_is_the_bare_image():
    void = DetDataSample(pred_panoptic_seg=PixelData(sem_seg=torch.full((1, 64, 64), 3)))
    caption, picture = draw_prediction(GRAY, void, META)
    assert caption == 'prediction: 0 things, 0 kinds of stuff'
    assert (picture == 90).all()
    visualizer = PanopticVisualizer()
    drawn = visualizer._draw_panoptic_seg(GRAY, void.pred_panoptic_seg.numpy(), NAMES, META['palette'])
    assert (drawn == GRAY).all()
    full = PixelData(sem_seg=torch.from_numpy(ids())[None])
    assert (visualizer._draw_panoptic_seg(GRAY, full.numpy(), NAMES, META['palette']) != GRAY).any()


def test_segments_as_files_have_new_ids_and_coco_categories():
    numbered, segments = panoptic_segments(ids(), [7, 8, 9])
    assert [item['category_id'] for item in segments] == [9, 8, 7]
    assert [item['id'] for item in segments] == [1, 2, 3]
    assert [item['area'] for item in segments] == [2048, 400, 400]
    assert segments[1]['bbox'] == [40, 0, 20, 20]
    assert (numbered[60, 60], numbered[0, 0], numbered[0, 50]) == (0, 1, 2)

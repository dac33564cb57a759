"""Data samples as pictures: frames, thresholds, captions, sheets."""

import numpy as np
import pytest
import torch
from mmdet.structures import DetDataSample
from mmdet.structures.mask import BitmapMasks, PolygonMasks
from mmengine.structures import InstanceData

from mmseg_plugins.data_check.class_counts import ClassCounts
from mmseg_plugins.visualization.samples import (
    best_first,
    draw_prediction,
    draw_truth,
    get_instances,
    original_image,
    truth_in_original_frame,
)
from mmseg_plugins.visualization.sheets import SampleSheet, annotations_are_resized

META = dict(classes=('disc', 'bar'), palette='random')


def sample(size, original, masks=True):
    """One true instance in the left upper quarter of an image of ``size`` that was read as ``original``."""
    mask = np.zeros((1, *size), np.uint8)
    mask[0, : size[0] // 2, : size[1] // 2] = 1
    data = InstanceData(bboxes=torch.tensor([[0.0, 0, size[1] / 2, size[0] / 2]]), labels=torch.tensor([1]))
    if masks:
        data.masks = BitmapMasks(mask, *size)
    made = DetDataSample(gt_instances=data)
    made.set_metainfo(dict(ori_shape=original, img_shape=size))
    return made


def test_resized_truth_is_brought_back_to_the_original_frame():
    truth = get_instances(truth_in_original_frame(sample((100, 200), (50, 80)), scaled=True).gt_instances)
    assert truth.boxes.tolist() == [[0, 0, 40, 25]]
    assert truth.masks.shape == (1, 50, 80)
    assert truth.masks[0, :25, :40].all()
    assert truth.masks.sum() == 25 * 40


def test_truth_that_was_not_resized_is_left_alone():
    given = sample((50, 80), (50, 80))
    assert truth_in_original_frame(given, scaled=True) is given
    other = sample((100, 200), (50, 80))
    assert truth_in_original_frame(other, scaled=False) is other


def test_polygon_masks_and_boxes_alone_are_understood():
    polygons = PolygonMasks([[np.array([2.0, 2, 12, 2, 12, 12, 2, 12])]], 20, 20)
    found = get_instances(InstanceData(masks=polygons, labels=torch.tensor([0])))
    assert found.masks[0, 3:11, 3:11].all()
    assert get_instances(sample((8, 8), (8, 8), masks=False).gt_instances).masks is None


def test_network_input_is_resized_back_without_its_padding():
    inputs = torch.zeros(3, 128, 128, dtype=torch.uint8)
    inputs[:, :100, :120] = 200
    image = original_image(sample((100, 120), (50, 60)), inputs)
    assert image.shape == (50, 60, 3)
    assert (image == 200).all()


def test_predictions_below_the_threshold_are_not_drawn_but_named():
    made = DetDataSample(pred_instances=InstanceData(
        bboxes=torch.tensor([[1.0, 1, 20, 20], [2, 2, 30, 30]]), labels=torch.tensor([0, 1]),
        scores=torch.tensor([0.1, 0.25])))
    image = np.full((64, 64, 3), 90, np.uint8)
    caption, picture = draw_prediction(image, made, META, 0.3)
    assert caption == 'prediction: 0 with score >= 0.3 (best 0.25)'
    assert (picture == 90).all()
    caption, picture = draw_prediction(image, made, META, 0.2)
    assert caption == 'prediction: 1 with score >= 0.2'
    assert (picture != 90).any()
    assert best_first(get_instances(made.pred_instances), 0.0, limit=1).scores.tolist() == [0.25]


def test_sample_without_truth_says_so():
    image = np.full((64, 64, 3), 90, np.uint8)
    assert draw_truth(image, DetDataSample(), META)[0] == 'no ground truth in the pipeline'
    empty = DetDataSample(gt_instances=InstanceData(bboxes=torch.zeros(0, 4), labels=torch.zeros(0, dtype=torch.long)))
    assert draw_truth(image, empty, META)[0] == 'ground truth: 0'


def test_sheet_takes_samples_up_to_its_limit():
    sheet = SampleSheet(2, META)
    assert sheet.page('nothing yet') is None
    for _ in range(3):
        sheet.add_truth(torch.zeros(3, 64, 64, dtype=torch.uint8), sample((64, 64), (64, 64)))
    assert sheet.full
    assert sheet.page('two').shape[1] == 2 * 400 + 3 * 8


@pytest.mark.parametrize(('order', 'resized'), [
    (('LoadImage', 'LoadAnnotations', 'Resize'), True),
    (('LoadImage', 'Resize', 'LoadAnnotations'), False),
    (('LoadImage', 'LoadAnnotations'), False),
    (('LoadImage', 'Resize'), False),
])  # fmt: skip
def test_order_of_the_pipeline_tells_the_frame_of_the_truth(order, resized):
    class Box:
        pass

    dataset = Box()
    dataset.pipeline = Box()
    dataset.pipeline.transforms = [type(name, (), {})() for name in order]
    assert annotations_are_resized(dataset) is resized


def test_counts_quote_names_with_commas():
    counts = ClassCounts(['a, b'], np.array([3]), np.array([1]), 'instances', 1, 5)
    assert counts.csv() == 'index,class,instances,images\n0,"a, b",3,1\n'
    assert counts.title() == '3 instances of 1 class in 1 of 5 images'

"""Four levels from the queries of a mask classifier: two against slow loops, two against the host."""

import math

import pytest
import torch
from mmdet.models.seg_heads.panoptic_fusion_heads import MaskFormerFusionHead
from mmdet.structures import DetDataSample
from mmengine.config import ConfigDict

from mmseg_plugins.models.dense_heads import FourLevelFusionHead
from mmseg_plugins.models.postprocess.four_levels import foreground_probability, semantic_scores

THINGS, STUFF, QUERIES = 2, 1, 5
ALL_ON = dict(panoptic_on=True, instance_on=True, semantic_on=True, foreground_on=True, max_per_image=6,
              object_mask_thr=0.4, iou_thr=0.5)


def logits(seed, height=4, width=6):
    generator = torch.Generator().manual_seed(seed)
    classes = torch.randn(QUERIES, THINGS + STUFF + 1, generator=generator) * 2
    return classes, torch.randn(QUERIES, height, width, generator=generator) * 2


def softmax(row):
    powers = [math.exp(value) for value in row]
    return [power / sum(powers) for power in powers]


def sigmoid(value):
    return 1 / (1 + math.exp(-value))


@pytest.mark.parametrize('seed', range(3))
def test_the_new_levels_are_those_of_slow_loops(seed):
    classes, masks = logits(seed)
    scores, objects = semantic_scores(classes, masks), foreground_probability(classes, masks, THINGS)
    for y in range(4):
        for x in range(6):
            sums, none = [0.0] * (THINGS + STUFF), 1.0
            for query in range(QUERIES):
                shares, covered = softmax(classes[query].tolist()), sigmoid(float(masks[query, y, x]))
                sums = [total + share * covered for total, share in zip(sums, shares, strict=False)]
                none *= 1 - sum(shares[:THINGS]) * covered
            assert scores[:, y, x].tolist() == pytest.approx(sums, abs=1e-5)
            assert float(objects[y, x]) == pytest.approx(1 - none, abs=1e-5)


def test_instances_and_panoptic_maps_are_those_of_the_host():
    """Two images in a padded batch, one of them resized back."""
    classes, masks = (torch.stack(pair) for pair in zip(logits(0), logits(1), strict=True))
    shapes = [((4, 6), (8, 12)), ((3, 5), (3, 5))]
    samples = [DetDataSample(metainfo=dict(img_shape=shape, ori_shape=original)) for shape, original in shapes]
    sizes = dict(num_things_classes=THINGS, num_stuff_classes=STUFF)
    ours = FourLevelFusionHead(**sizes, test_cfg=ConfigDict(ALL_ON))
    host = MaskFormerFusionHead(**sizes, test_cfg=ConfigDict({**ALL_ON, 'semantic_on': False}))
    for rescale in (True, False):
        pairs = zip(ours.predict(classes, masks, samples, rescale), host.predict(classes, masks, samples, rescale),
                    shapes, strict=True)
        for one, other, (shape, original) in pairs:
            assert torch.equal(one['pan_results'].sem_seg, other['pan_results'].sem_seg)
            for key in ('bboxes', 'labels', 'scores', 'masks'):
                assert torch.equal(one['ins_results'][key], other['ins_results'][key])
            size = (1, *(original if rescale else shape))
            assert one['sem_results'].sem_seg.shape == one['foreground_results'].sem_seg.shape == size


def test_a_query_that_is_sure_of_a_thing_decides_both_maps():
    classes = torch.full((QUERIES, THINGS + STUFF + 1), -20.0)
    classes[0, 1] = classes[1, 2] = 20  # a thing, and stuff everywhere
    classes[2:, 3] = 20  # no object
    masks = torch.full((QUERIES, 4, 6), -20.0)
    masks[0, :, :2] = 20
    masks[1] = 1
    head = FourLevelFusionHead(THINGS, STUFF, test_cfg=ConfigDict(ALL_ON))
    semantic = head.semantic_postprocess(classes, masks).sem_seg
    foreground = head.foreground_postprocess(classes, masks).sem_seg
    assert semantic[0].tolist() == [[1, 1, 2, 2, 2, 2]] * 4
    assert foreground[0].tolist() == [[1, 1, 0, 0, 0, 0]] * 4


@pytest.mark.parametrize(('things', 'options', 'value'), [
    (THINGS, dict(foreground_thr=1.5), 'foreground_thr=1.5'), (0, dict(foreground_on=True), 'num_things_classes=0')])
def test_impossible_options_are_named(things, options, value):
    with pytest.raises(ValueError, match=f'{value}.* Fix: '):
        FourLevelFusionHead(things, STUFF, test_cfg=ConfigDict(options))

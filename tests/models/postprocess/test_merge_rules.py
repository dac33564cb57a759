"""Masks and a label map become one panoptic map by the stated rules, against a slow transcription, pixel by pixel."""

import numpy as np
import pytest
import torch

from mmseg_plugins.models.postprocess.panoptic_merge import merge_panoptic

STUFF = {0: 3, 2: 4}  # semantic class -> class in the result; 1 is no stuff
VOID = 5
RULES = dict(void=VOID, score_thr=0.3, overlap_thr=0.5, stuff_area_limit=4)


def slow_merge(masks, labels, scores, semantic, rules):
    """The rules of panopticapi's script, one pixel at a time."""
    height, width = semantic.shape
    pixels = [(y, x) for y in range(height) for x in range(width)]
    result = {}
    instance = 0
    for index in sorted(range(len(masks)), key=lambda k: -scores[k]):
        own = [pixel for pixel in pixels if masks[index][pixel]]
        if scores[index] < rules['score_thr'] or not own:
            continue
        taken = sum(pixel in result for pixel in own)
        if taken / len(own) > rules['overlap_thr'] or taken == len(own):
            continue
        instance += 1
        result.update({pixel: labels[index] + 1000 * instance for pixel in own if pixel not in result})
    for source, target in STUFF.items():
        own = [pixel for pixel in pixels if semantic[pixel] == source and result.get(pixel, 0) < 1000]
        if len(own) >= rules['stuff_area_limit']:
            result.update(dict.fromkeys(own, target))
    return np.array([[result.get((y, x), VOID) for x in range(width)] for y in range(height)])


@pytest.mark.parametrize('seed', range(10))
def test_the_map_is_that_of_the_slow_rules(seed):
    rng = np.random.RandomState(seed)
    boxes = np.sort(rng.randint(0, 13, (7, 2, 2)), axis=1)
    masks = np.zeros((7, 12, 12), bool)
    for mask, ((y1, x1), (y2, x2)) in zip(masks, boxes, strict=True):
        mask[y1:y2, x1:x2] = True
    labels, scores = rng.randint(0, 3, 7), rng.randint(0, 8, 7) / 8  # equal scores occur
    semantic = np.kron(rng.randint(0, 3, (4, 4)), np.ones((3, 3), int))
    rules = {**RULES, 'stuff_area_limit': (0, 12, 40)[seed % 3], 'overlap_thr': (0.0, 0.3, 0.5, 1.0)[seed % 4]}
    found = merge_panoptic(*map(torch.from_numpy, (masks, labels, scores, semantic)), STUFF, **rules)
    assert found.dtype == torch.int32
    assert np.array_equal(found.numpy(), slow_merge(masks, labels.tolist(), scores.tolist(), semantic, rules))


def test_without_instances_only_stuff_is_left():
    semantic = torch.tensor([[0, 0, 0, 0], [1, 1, 2, 2]])
    none = torch.zeros(0, 2, 4, dtype=torch.bool)
    found = merge_panoptic(none, torch.zeros(0, dtype=torch.long), torch.zeros(0), semantic, STUFF, **RULES)
    assert found.tolist() == [[3, 3, 3, 3], [5, 5, 5, 5]]  # class 2 has fewer than 4 px


def test_maps_of_other_sizes_are_named():
    with pytest.raises(ValueError, match=r'masks are 2 x 4, the label map 2 x 2.* Fix: '):
        merge_panoptic(torch.zeros(1, 2, 4), torch.zeros(1), torch.ones(1), torch.zeros(2, 2), STUFF, **RULES)

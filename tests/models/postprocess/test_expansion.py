"""Progressive expansion: the golden case, a plain queue on random and adversarial maps, what it must not be."""

from collections import deque

import numpy as np
import pytest
import torch
from golden_cases import GoldenCase

from mmseg_plugins.models.dense_heads.psenet_head import kernel_instances
from mmseg_plugins.models.postprocess.expansion import connected_components, progressive_expansion


def slow_components(mask):
    labels = np.zeros(mask.shape, int)
    count = 0
    for y, x in zip(*np.nonzero(mask), strict=True):
        if labels[y, x]:
            continue
        count += 1
        stack = [(y, x)]
        while stack:
            a, b = stack.pop()
            if 0 <= a < mask.shape[0] and 0 <= b < mask.shape[1] and mask[a, b] and not labels[a, b]:
                labels[a, b] = count
                stack += [(a - 1, b), (a + 1, b), (a, b - 1), (a, b + 1)]
    return labels


def slow_expansion(kernels, min_area=0):
    """The released rule with one queue, pixel by pixel."""
    labels = slow_components(kernels[-1] > 0)
    for number in np.unique(labels[labels > 0]):
        if (labels == number).sum() < min_area:
            labels[labels == number] = 0
    queue = deque(zip(*np.nonzero(labels), strict=True))
    for kernel in kernels[-2::-1]:
        following = deque()
        while queue:
            y, x = queue.popleft()
            grew = False
            for a, b in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
                if 0 <= a < kernel.shape[0] and 0 <= b < kernel.shape[1] and kernel[a, b] > 0 and labels[a, b] == 0:
                    labels[a, b] = labels[y, x]
                    queue.append((a, b))
                    grew = True
            if not grew:
                following.append((y, x))
        queue = following
    return labels


def unpack(bits, shape):
    return np.unpackbits(bits.numpy(), axis=1)[:, :shape[0] * shape[1]].reshape(-1, *shape)


@pytest.mark.golden
def test_agrees_with_the_original():
    case = GoldenCase('pse_expansion')
    config = case.facts['config']
    logits = case.arrays['logits']
    kernels = ((logits > 0) & (logits[:1] > 0)).numpy()
    np.testing.assert_array_equal(kernels, unpack(case.arrays['kernel_bits'], config['size']))
    np.testing.assert_array_equal(connected_components(kernels[-1]), case.arrays['components'])
    labels = progressive_expansion(kernels, config['min_area'])
    np.testing.assert_array_equal(labels, case.arrays['labels'])
    label_map, scores = kernel_instances(logits, config['min_area'], config['min_score'])
    torch.testing.assert_close(scores.double(), case.arrays['kept_scores'], rtol=case.tolerance, atol=0)
    kept = case.arrays['kept_ids'].tolist()
    assert len(scores) == len(kept)
    for position, number in enumerate(kept, start=1):
        assert torch.equal(label_map == position, case.arrays['labels'] == number)
    assert (label_map == 0).sum() == (~torch.isin(case.arrays['labels'], case.arrays['kept_ids'])).sum()


def test_it_is_not_mmcv_s_contour_expand():
    """That grows in kernel 0 on every level, so that both seeds meet in the middle."""
    kernels = np.array([[[1] * 7], [[1, 1, 1, 1, 1, 0, 1]], [[1, 0, 0, 0, 0, 0, 1]]], bool)
    assert progressive_expansion(kernels)[0, :5].tolist() == [1] * 5
    assert progressive_expansion(kernels[[0, 0, 2]])[0, 4:].tolist() == [2] * 3


@pytest.mark.parametrize('seed', range(8))
@pytest.mark.parametrize('min_area', [0, 3])
def test_equals_the_queue_on_nested_noise(seed, min_area):
    rng = np.random.RandomState(seed)
    height, width, count = rng.randint(1, 30), rng.randint(1, 30), rng.randint(2, 6)
    field = rng.rand(height, width)
    kernels = np.stack([field < limit for limit in np.linspace(0.95, 0.2, count)])
    np.testing.assert_array_equal(progressive_expansion(kernels, min_area), slow_expansion(kernels, min_area))


@pytest.mark.parametrize('seed', range(4))
def test_equals_the_queue_on_kernels_that_are_not_nested(seed):
    kernels = np.random.RandomState(seed).rand(4, 15, 19) < 0.6
    np.testing.assert_array_equal(progressive_expansion(kernels), slow_expansion(kernels))


def test_a_tie_goes_to_the_first_in_the_queue():
    kernels = np.ones((2, 1, 5), bool)
    kernels[1, 0, 1:4] = False  # both ends reach the middle at once
    assert progressive_expansion(kernels)[0].tolist() == [1, 1, 1, 2, 2]


def test_components_are_numbered_by_their_first_pixel():
    mask = np.random.RandomState(0).rand(40, 50) < 0.5
    np.testing.assert_array_equal(connected_components(mask), slow_components(mask))


@pytest.mark.parametrize('value', [0, 1])
def test_empty_and_full_maps(value):
    kernels = np.full((3, 4, 5), value)
    assert (progressive_expansion(kernels) == value).all()

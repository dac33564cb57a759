"""U-Net's weight map: the golden case, a slow transcription, and the odd cases."""

import numpy as np
import pytest
import torch
from golden_cases import GoldenCase

from mmseg_plugins.datasets.transforms.border_weights import (
    balanced_classes,
    border_weights,
    connected_instances,
    two_nearest,
)
from mmseg_plugins.models.losses import WeightedCrossEntropyLoss


def slow_distances(instances):
    """Distances to all instances, pixel for pixel, sorted: (N, H, W)."""
    rows, columns = np.indices(instances.shape)
    result = []
    for value in np.unique(instances[instances > 0]):
        y, x = np.nonzero(instances == value)
        squares = (rows[..., None] - y) ** 2 + (columns[..., None] - x) ** 2
        result.append(np.sqrt(squares.min(axis=-1)))
    return np.sort(np.stack(result), axis=0)


@pytest.fixture(scope='module')
def case():
    return GoldenCase('unet_border_oracle')


@pytest.mark.golden
def test_golden_maps(case):
    wanted = {key: value.numpy() for key, value in case.arrays.items()}
    instances = wanted['instances']
    first, second = two_nearest(instances)
    classes = balanced_classes((instances > 0).astype(np.uint8))
    border = border_weights(instances, **case.facts['config'])
    share = np.bincount((instances > 0).ravel())[(instances > 0).astype(int)] / instances.size
    ours = dict(d1=first, d2=second, border=border, border_background=border * (instances == 0),
                class_balance=classes * (1 / share).max(), class_balance_max1=classes, weight_map=classes + border)
    assert set(ours) == {key for key, facts in case.facts['arrays'].items() if facts['role'] == 'output'}
    for key, value in ours.items():
        assert np.abs(value - wanted[key]).max() <= case.facts['tolerance']['suggested_abs'], key
    assert len(np.unique(instances)) - 1 == case.facts['instances_count']


@pytest.mark.golden
def test_golden_losses(case):
    label = (case.arrays['instances'] > 0).long()[None]
    weights = case.arrays['weight_map'].float()[None]
    for normalizer, key in (('sum', 'sum'), ('valid', 'mean'), ('weights', 'weight_sum')):
        loss = WeightedCrossEntropyLoss(normalizer=normalizer)(case.arrays['logits'], label, weight=weights)
        assert loss.item() == pytest.approx(case.facts['losses'][key], rel=1e-5)


def test_distances_of_other_maps():
    rng = np.random.default_rng(1)
    instances = np.zeros((31, 47), np.int32)
    for value in (7, 3, 900):
        y, x = rng.integers(0, 25, 2)
        instances[y:y + 5, x:x + 7] = value
    slow = slow_distances(instances)
    first, second = two_nearest(instances)
    np.testing.assert_allclose(np.stack([first, second]), slow[:2], atol=1e-5)
    near = two_nearest(instances, reach=6.0)
    for ours, exact in zip(near, slow, strict=False):
        assert (ours[exact > 8] >= 6).all()
        np.testing.assert_allclose(ours[exact <= 6], exact[exact <= 6], atol=1e-5)
    exact = 10 * np.exp(-(slow[0] + slow[1])**2 / (2 * 5**2))
    np.testing.assert_allclose(border_weights(instances), exact, atol=1e-5)


@pytest.mark.parametrize('instances', [np.zeros((5, 6), int), np.ones((5, 6), int), np.ones((1, 1), int)])
def test_fewer_than_two_objects_have_no_gap(instances):
    assert not border_weights(instances).any()


def test_one_pixel_between_two_objects_has_almost_w0():
    weights = border_weights(np.array([[1, 0, 2]]), w0=10, sigma=5)
    assert weights[0, 1] == pytest.approx(10 * np.exp(-4 / 50), rel=1e-6)


def test_rarest_class_weighs_1_and_void_0():
    label = np.array([[0, 0, 0, 1], [0, 0, 0, 255]])
    np.testing.assert_allclose(balanced_classes(label), [[1 / 6] * 3 + [1], [1 / 6] * 3 + [0]])
    assert not balanced_classes(np.full((2, 2), 255)).any()


def test_parts_of_all_classes_are_numbered():
    label = np.array([[1, 0, 2, 2], [0, 1, 0, 0], [255, 0, 0, 1]])
    parts = connected_instances(label)
    np.testing.assert_array_equal(parts > 0, (label > 0) & (label < 255))
    assert parts[0, 0] == parts[1, 1]  # corners touch
    assert len(np.unique(parts)) == 4
    assert torch.equal(torch.from_numpy(connected_instances(label, background=(0, 1, 2))), torch.zeros(3, 4).int())

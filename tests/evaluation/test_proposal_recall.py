"""Recall of proposals: greedy matching, limits, empty images, the host's function where numpy lets it run."""

import numpy as np
from mmdet.evaluation.functional.recall import eval_recalls

from mmseg_plugins.evaluation.proposal_recall import average_recalls, box_iou, matched_ious


def boxes(rng, count):
    corners = rng.uniform(0, 80, (count, 2))
    return np.concatenate([corners, corners + rng.uniform(5, 40, (count, 2))], axis=1)


def test_iou_of_known_boxes():
    ious = box_iou(np.array([[0, 0, 10, 10.0]]), np.array([[0, 0, 10, 10], [5, 0, 15, 10], [20, 20, 30, 30.0]]))
    np.testing.assert_allclose(ious, [[1, 1 / 3, 0]])


def test_each_proposal_serves_one_object_and_the_best_pair_goes_first():
    assert matched_ious(np.array([[0.9, 0.5], [0.8, 0.0]])).tolist() == [0.9, 0.0]
    assert matched_ious(np.zeros((2, 0))).tolist() == [0, 0]
    assert matched_ious(np.zeros((0, 3))).tolist() == []


def test_equals_mmdet_where_its_arrays_can_be_stacked():
    rng = np.random.default_rng(0)
    truths = [boxes(rng, 6) for _ in range(8)]
    found = [truth + rng.normal(0, 3, truth.shape) for truth in truths]
    scores = [np.sort(rng.random(6))[::-1] for _ in truths]
    thresholds = np.linspace(0.5, 0.95, 10)
    # With equal counts everywhere the host's stacking still works (limit: all six).
    host = eval_recalls(truths, found, [6], thresholds, logger='silent').mean(axis=1)
    ours = average_recalls(truths, found, scores, [6], thresholds)
    np.testing.assert_allclose(ours, host, atol=1e-6)
    assert 0.1 < ours[0] < 1


def test_limit_takes_the_highest_scores_and_empty_images_count_nothing():
    truth = np.array([[0, 0, 10, 10.0]])
    found = np.array([[50, 50, 60, 60], [0, 0, 10, 10.0]])
    none = np.zeros((0, 4))
    values = average_recalls(
        [truth, none, truth],
        [found, none, none],
        [np.array([0.1, 0.9]), np.zeros(0), np.zeros(0)],
        [1],
        np.array([0.5]),
    )
    assert values == [0.5]
    assert average_recalls([none], [found], [np.ones(2)], [1, 2], np.array([0.5])) == [0.0, 0.0]

"""Average precision, exact match and F1 of image labels, by hand."""

import pytest
import torch

from mmseg_plugins.evaluation import MultiLabelMetric


def sample(scores, classes):
    label = torch.tensor([0, 255, *classes])[None, None]
    return dict(class_scores=torch.tensor(scores), gt_sem_seg=dict(data=label))


def evaluated(samples, **options):
    metric = MultiLabelMetric(**options)
    metric.dataset_meta = dict(classes=('ground', 'a', 'b', 'c'))
    metric.process(None, samples)
    return metric.evaluate(len(samples))


def test_the_numbers_are_those_of_the_definition():
    found = evaluated([
        sample([0.9, 0.2, 0.1], [1]),  # right
        sample([0.8, 0.7, 0.1], [2]),  # a is said and not there
        sample([0.6, 0.4, 0.2], [1, 2]),  # b is there and not said
        sample([0.1, 0.3, 0.4], []),  # right
    ])
    # a: ranks right, wrong, right: 1/2 * 1 + 1/2 * 2/3.  b: right, right: 1.  c occurs nowhere.
    assert found['labels/mAP'] == round(100 * (0.5 + 1 / 3 + 1) / 2, 2)
    assert found['labels/exact'] == 50.0
    assert found['labels/F1'] == 75.0  # 3 right of 4 said, 4 there


def test_images_without_any_class_and_a_threshold():
    found = evaluated([sample([0.1, 0.2, 0.3], [])])
    assert (found['labels/exact'], found['labels/F1']) == (100.0, 100.0)
    assert found['labels/mAP'] != found['labels/mAP']  # no class occurs
    assert evaluated([sample([0.1, 0.2, 0.3], [3])], threshold=0.25)['labels/exact'] == 100.0


@pytest.mark.parametrize('order', [[0, 1], [1, 0]])
def test_a_perfect_ranking_is_100(order):
    samples = [sample([0.9, 0.1, 0.8], [1, 3]), sample([0.2, 0.6, 0.1], [2])]
    assert evaluated([samples[k] for k in order])['labels/mAP'] == 100.0

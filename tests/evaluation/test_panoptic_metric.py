"""Panoptic quality against a pixel-by-pixel transcription of the original's rules; errors that name both sides."""


import json

import cv2
import numpy as np
import pytest
import torch

from mmseg_plugins.evaluation.panoptic_metric import PanopticQualityMetric
from mmseg_plugins.evaluation.panoptic_quality import count_overlaps, mean_quality, qualities, segment_counts
from mmseg_plugins.structures.panoptic_ids import decode_ids, ids_as_bgr
from mmseg_plugins.utils.errors import UserError

CLASSES = ('cat', 'dog', 'sky')
CATEGORIES = [dict(id=4, name='dog', isthing=1), dict(id=2, name='cat', isthing=1), dict(id=9, name='sky', isthing=0)]


def slow_counts(truth, truth_classes, crowds, predicted, predicted_classes, number):
    """The rules of panopticapi's evaluation, one pixel at a time."""
    pixels = list(zip(truth.ravel().tolist(), predicted.ravel().tolist(), strict=True))
    found_ids = [value for value in predicted_classes if value in predicted]

    def shared(a, b):
        return sum(pair == (a, b) for pair in pixels)

    counts, hit_true, hit_found = np.zeros((number, 4)), set(), set()
    for a, label in truth_classes.items():
        for b in found_ids:
            if a in crowds or predicted_classes[b] != label:
                continue
            both = shared(a, b)
            union = (truth == a).sum() + (predicted == b).sum() - both - shared(0, b)
            if both / union > 0.5:
                counts[label] += both / union, 1, 0, 0
                hit_true.add(a)
                hit_found.add(b)
    for a, label in truth_classes.items():
        if a not in hit_true and a not in crowds:
            counts[label, 3] += 1
    for b in found_ids:
        if b in hit_found:
            continue
        ignored = shared(0, b) + sum(shared(a, b) for a in crowds if truth_classes[a] == predicted_classes[b])
        if ignored / (predicted == b).sum() <= 0.5:
            counts[predicted_classes[b], 2] += 1
    return counts


@pytest.mark.parametrize('seed', range(12))
def test_counts_are_those_of_the_slow_rules(seed):
    rng = np.random.RandomState(seed)
    size = 12
    truth = np.kron(rng.randint(0, 5, (size // 4, size // 4)), np.ones((4, 4), int))
    predicted = np.where(rng.rand(size, size) < 0.75, truth * 1000 + 1, rng.randint(0, 5, (size, size)) * 1000 + 1)
    truth_classes = {value: int(rng.randint(3)) for value in np.unique(truth).tolist() if value}
    # One crowd at most a class, as in COCO: the original remembers one.
    crowds = frozenset([next(iter(truth_classes))]) if seed % 2 else frozenset()
    predicted_classes = {
        value: truth_classes.get(value // 1000, 0) if rng.rand() < 0.8 else 2
        for value in np.unique(predicted).tolist() if value > 1
    }
    case = (truth, truth_classes, crowds, predicted, predicted_classes, 3)
    assert np.allclose(segment_counts(*case), slow_counts(*case), rtol=0, atol=1e-12)


@pytest.mark.parametrize('dtype', [np.int32, np.int64])
def test_overlaps_are_those_of_a_sort_of_all_pixels(dtype):
    """Ids spread as in COCO files, odd sizes, one segment, noise and no pixel at all."""
    rng = np.random.RandomState(0)
    for height, width, block in [(7, 9, 3), (1, 1, 1), (12, 5, 12), (6, 11, 1), (0, 4, 1)]:
        ids = rng.randint(0, 2**24, 6).astype(dtype)
        truth, found = (ids[rng.randint(0, 6, (height, width))].repeat(block, 0)[:height] for _ in range(2))
        pairs, counts = np.unique(np.stack([truth.ravel(), found.ravel()]), axis=1, return_counts=True)
        shared, truth_area, found_area = count_overlaps(truth, found)
        assert shared == {(int(a), int(b)): n for a, b, n in zip(*pairs, counts.tolist(), strict=True)}
        for area, values in ((truth_area, truth), (found_area, found)):
            assert area == dict(zip(*(x.tolist() for x in np.unique(values, return_counts=True)), strict=True))


def test_a_worked_example():
    """Truth: 8 px cat, 8 px dog.  Found: 6 of the cat's px, and 2 of them with all of the dog's, as a dog."""
    truth = np.repeat([1, 2], 8).reshape(4, 4)
    predicted = np.where(np.arange(16).reshape(4, 4) < 6, 1000, 2001)
    counts = segment_counts(truth, {1: 0, 2: 1}, frozenset(), predicted, {1000: 0, 2001: 1}, 2)
    assert counts.tolist() == [[6 / 8, 1, 0, 0], [8 / 10, 1, 0, 0]]
    assert mean_quality(counts) == pytest.approx([0.775, 0.775, 1.0])


def test_quality_of_nothing_is_zero_and_absent_classes_do_not_count():
    assert qualities(np.zeros((2, 4))).tolist() == [[0, 0, 0], [0, 0, 0]]
    assert mean_quality(np.zeros((3, 4))).tolist() == [0, 0, 0]
    assert mean_quality(np.array([[0.8, 1, 0, 0], [0, 0, 0, 0]]))[0] == pytest.approx(0.8)


def test_ids_survive_the_png():
    ids = np.array([[0, 1, 255], [256, 65536, 2**24 - 1]])
    done, data = cv2.imencode('.png', ids_as_bgr(ids))
    assert done
    assert (decode_ids(data.tobytes()) == ids).all()
    with pytest.raises(UserError, match=r"'a\.png' cannot be decoded"):
        decode_ids(b'no picture', 'a.png')


@pytest.fixture
def truth(tmp_path):
    """Two images of 4 x 8 px, left half a cat, right half sky; the second has no annotation of its void column."""
    annotations = []
    for image_id in (1, 2):
        ids = np.repeat([[7] * 4 + [300] * 4], 4, axis=0)
        if image_id == 2:
            ids[:, 7] = 0
        cv2.imwrite(str(tmp_path / f'{image_id}.png'), ids_as_bgr(ids))
        segments = [dict(id=7, category_id=2, iscrowd=0), dict(id=300, category_id=9, iscrowd=0)]
        annotations.append(dict(image_id=image_id, file_name=f'{image_id}.png', segments_info=segments))
    path = tmp_path / 'panoptic.json'
    path.write_text(json.dumps(dict(images=[], annotations=annotations, categories=CATEGORIES)))
    return path


def metric(path, classes=CLASSES, **options):
    made = PanopticQualityMetric(str(path), str(path.parent), **options)
    made.dataset_meta = dict(classes=classes)
    return made


def prediction(image_id, left=1000, right=2):
    ids = np.repeat([[left] * 4 + [right] * 4], 4, axis=0)[None]
    return dict(img_id=image_id, pred_panoptic_seg=dict(sem_seg=torch.tensor(ids, dtype=torch.int32)))


def test_perfect_prediction_scores_a_hundred(truth):
    made = metric(truth, classwise=True)
    made.process({}, [prediction(1), prediction(2)])
    values = made.evaluate(size=2)
    for key in ('PQ', 'SQ', 'RQ', 'PQ_th', 'PQ_st', 'cat_PQ', 'sky_PQ'):
        assert values[f'coco_panoptic/{key}'] == pytest.approx(100), key


def test_void_everywhere_scores_zero_and_things_and_stuff_are_told_apart(truth):
    made = metric(truth)
    made.process({}, [prediction(1, left=3), prediction(2, left=3)])
    values = made.evaluate(size=2)
    assert values['coco_panoptic/PQ_th'] == 0
    assert values['coco_panoptic/PQ_st'] == pytest.approx(100)
    assert values['coco_panoptic/PQ'] == pytest.approx(50)


@pytest.mark.parametrize(('classes', 'sample', 'message'), [
    (('cat', 'dogs', 'sky'), prediction(1), r"'dogs' \(did you mean 'dog'\?\).*\['dog', 'cat', 'sky'\]"),
    (CLASSES, prediction(5), 'no annotation of image id 5'),
    (CLASSES, dict(img_id=1), 'panoptic_on=True'),
])  # fmt: skip
def test_what_does_not_fit_is_named(truth, classes, sample, message):
    with pytest.raises(UserError, match=message):
        metric(truth, classes).process({}, [sample])


def test_prediction_of_another_size_is_named(truth):
    sample = prediction(1)
    sample['pred_panoptic_seg']['sem_seg'] = sample['pred_panoptic_seg']['sem_seg'][:, :2]
    with pytest.raises(ValueError, match=r'truth is \(4, 8\), the prediction \(2, 8\)'):
        metric(truth).process({}, [sample])

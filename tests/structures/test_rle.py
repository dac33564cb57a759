"""The run-length codec and validator, against pycocotools where that is safe."""

import json
import subprocess
import sys

import numpy as np
import pytest

from mmseg_plugins.structures.rle import (
    as_rle,
    check_polygons,
    check_rle,
    counts_to_runs,
    decode_rle,
    encode_labels,
    encode_mask,
    rle_area,
    rle_box,
    short_polygons,
)

DECODE = """
import json, sys
import numpy as np
from pycocotools import mask
for line in sys.stdin:
    item = json.loads(line)
    rle = {'size': item['size'], 'counts': item['counts']}
    decoded = mask.decode(rle)
    assert decoded.ravel(order='F').tolist() == [int(c) for c in item['flat']], item
    assert int(mask.area(rle)) == item['flat'].count('1')
    mask.toBbox(rle), mask.iou([rle], [rle], [0]), mask.merge([rle, rle])
print('equal')
"""


def random_masks(count, seed=0):
    rng = np.random.default_rng(seed)
    for _ in range(count):
        height, width = rng.integers(1, 40, 2)
        yield (rng.random((height, width)) < rng.choice([0.0, 0.02, 0.5, 0.98, 1.0])).astype(np.uint8)


def test_every_mask_comes_back_and_its_runs_are_those_counted_by_hand():
    for mask in random_masks(300):
        rle = encode_mask(mask)
        assert rle['size'] == list(mask.shape)
        assert np.array_equal(decode_rle(rle), mask)
        flat = [0, *mask.ravel(order='F').tolist()]
        edges = [i for i in range(mask.size) if flat[i] != flat[i + 1]]
        assert counts_to_runs(rle['counts']) == np.diff([0, *edges, mask.size]).tolist()


def test_long_runs_need_several_groups_and_round_trip():
    runs = [70000, 3, 12, 900000, 1, 5, 250000]
    height = sum(runs)
    packed = as_rle({'size': [height, 1], 'counts': runs}, height, 1)
    assert counts_to_runs(packed['counts']) == runs


def test_worked_example_of_the_docstring():
    assert encode_mask(np.array([[0, 1], [0, 1]])) == {'size': [2, 2], 'counts': '22'}


@pytest.mark.parametrize('kind', ['str', 'bytes', 'list'])
def test_every_kind_of_counts_decodes(kind):
    mask = np.zeros((5, 7), np.uint8)
    mask[1:4, 2:5] = 1
    rle = encode_mask(mask)
    if kind == 'bytes':
        rle['counts'] = rle['counts'].encode()
    elif kind == 'list':
        rle['counts'] = counts_to_runs(rle['counts'])
    assert check_rle(rle, 5, 7) is None
    assert (decode_rle(rle) == mask).all()


@pytest.mark.parametrize(
    ('rle', 'reason'),
    [
        ('22', 'must be an object'),
        ({'counts': '22'}, 'lacks size'),
        ({'size': [2, 2]}, 'lacks counts'),
        ({'size': [2, 2], 'counts': None}, 'string or a list'),
        ({'size': [0, 0], 'counts': ''}, 'must be positive'),
        ({'size': [-2, -2], 'counts': [4]}, 'must be positive'),
        ({'size': [2], 'counts': [4]}, r'must be \[height, width\]'),
        ({'size': [2.0, 2], 'counts': [4]}, 'two integers'),
        ({'size': [2, 2], 'counts': '2~'}, 'alphabet'),
        ({'size': [2, 2], 'counts': '2\u20ac'}, 'alphabet'),
        ({'size': [2, 2], 'counts': '2R'}, 'middle of a number'),
        ({'size': [2, 2], 'counts': 'ooooooo0'}, 'longer than'),
        ({'size': [2, 2], 'counts': 'N2'}, 'negative'),
        ({'size': [2, 2], 'counts': [6, -2]}, 'negative'),
        ({'size': [2, 2], 'counts': [2, '2']}, 'no integer'),
        ({'size': [2, 2], 'counts': [2, True, 1]}, 'no integer'),
        ({'size': [2, 2], 'counts': ''}, 'sum to 0'),
        ({'size': [2, 2], 'counts': '23'}, 'sum to 5'),
        ({'size': [2, 3], 'counts': [6]}, "not the image's"),
    ],
)
def test_bad_rle_is_named(rle, reason):
    import re

    problem = check_rle(rle, 2, 2)
    assert problem is not None
    assert re.search(reason, problem), problem
    if isinstance(rle, dict) and rle.get('size') != [2, 3]:
        with pytest.raises(ValueError, match=reason):
            decode_rle(rle)


def fuzz_inputs(count):
    """Random strings, any bytes, and valid strings with one character changed, cut off or doubled."""
    rng = np.random.default_rng(7)
    for i in range(count):
        size = rng.integers(1, 20, 2).tolist()
        kind = i % 4
        if kind == 0:
            counts = bytes(rng.integers(48, 112, int(rng.integers(0, 41)), dtype=np.uint8))
        elif kind == 1:
            counts = bytes(rng.integers(0, 256, int(rng.integers(0, 41)), dtype=np.uint8))
        else:
            mask = rng.random(size) < rng.choice([0.05, 0.5])
            text = bytearray(encode_mask(mask)['counts'].encode())
            at = int(rng.integers(len(text)))
            change = int(rng.integers(4))
            if change == 0:
                text[at] = int(rng.integers(48, 112))
            elif change == 1:
                del text[at:]
            elif change == 2:
                text.insert(at, text[at])
            counts = bytes(text)
        yield {'size': size, 'counts': counts}


def test_fuzz_accepts_only_what_pycocotools_decodes_to_the_same_mask():
    """12,000 strings: none crashes the validator; the accepted ones go to pycocotools in a process of its own."""
    lines, rejected = [], 0
    for rle in fuzz_inputs(12000):
        if check_rle(rle):
            rejected += 1
            continue
        flat = ''.join(map(str, decode_rle(rle).ravel(order='F').tolist()))
        lines.append(json.dumps({'size': rle['size'], 'counts': rle['counts'].decode(), 'flat': flat}))
    assert rejected > 6000
    assert len(lines) > 1000
    done = subprocess.run(
        [sys.executable, '-c', DECODE], input='\n'.join(lines), text=True, capture_output=True, timeout=120
    )
    assert (done.returncode, done.stdout.strip()) == (0, 'equal'), done.stderr[-2000:]


@pytest.mark.parametrize(
    ('polygons', 'reason'),
    [
        ('abc', 'must be a list'),
        ([1.0, 2.0, 3.0], 'polygon 0 must be a list'),
        ([[0, 0, 5, 0, 5, None]], 'no finite number'),
        ([[0, 0, 5, 0, 5, '5']], 'no finite number'),
        ([[0, 0, 5, 0, 5, float('nan')]], 'NaN'),
        ([[0, 0, float('inf'), 0, 5, float('-inf')]], 'finite'),
        ([[0, 0, 5, 0, 5, 1e9]], 'far outside'),
    ],
)
def test_bad_polygons_are_named(polygons, reason):
    assert reason in (check_polygons(polygons, 10, 10) or '')


def test_sound_polygons_pass_and_short_ones_are_listed():
    polygons = [[0, 0, 5, 0, 5, 5], [0, 0, 5, 5], [0, 0, 5, 0, 5, 5, 1], []]
    assert check_polygons(polygons, 10, 10) is None
    assert short_polygons(polygons) == [1, 2, 3]


def test_every_value_of_a_map_is_encoded_as_its_mask():
    random = np.random.default_rng(0)
    for shape in ((1, 1), (3, 5), (20, 17)):
        labels = random.integers(-1, 4, shape)
        encoded = encode_labels(labels)
        assert encoded == {int(value): encode_mask(labels == value) for value in np.unique(labels)}
        for value, rle in encoded.items():
            rows, columns = np.nonzero(labels == value)
            assert rle_area(rle) == len(rows)
            assert rle_box(rle) == [columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1]

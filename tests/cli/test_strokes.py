"""Strokes as JSON or PNG, with boxes and without."""

import json

import cv2
import numpy as np
import pytest
import toy_runs

from mmseg_plugins.cli.main import main
from mmseg_plugins.data_prep.strokes import Strokes
from mmseg_plugins.models.classical.clicks import deepest_point
from mmseg_plugins.structures.rle import decode_rle
from mmseg_plugins.utils.errors import UserError


@pytest.fixture
def drawn(tmp_path):
    """Toy images, strokes on their two objects and on the background, and the true masks."""
    toy_runs.write_toy_coco(tmp_path, images=2)
    strokes, truth = {}, []
    for index in range(2):
        _, masks = toy_runs.toy_image(index)
        own = []
        for number, mask in enumerate((masks[0] & ~masks[1], masks[1]), 1):
            x, y = deepest_point(mask)
            own.append(dict(object=number, points=[[x - 2, y], [x + 2, y]], width=3,
                            category=toy_runs.CLASSES[number - 1]))
            truth.append(mask)
        strokes[f'toy {index}.png'] = [*own, dict(object='background', points=[[0, 0], [63, 0]])]
    (tmp_path / 'strokes.json').write_text(json.dumps(strokes))
    return tmp_path, strokes, truth


def cut(folder, *words):
    status = main(['grabcut', *map(str, words), '--images', str(folder / 'images'), '--out-file',
                   str(folder / 'masks.json')])
    return status, json.loads((folder / 'masks.json').read_text()) if status == 0 else None


def test_every_object_with_strokes_gets_a_mask_and_its_class(drawn):
    folder, _, truth = drawn
    status, content = cut(folder, '--scribbles', folder / 'strokes.json')
    assert status == 0
    names = {category['id']: category['name'] for category in content['categories']}
    assert [names[ann['category_id']] for ann in content['annotations']] == ['disc', 'bar'] * 2
    for ann, mask in zip(content['annotations'], truth, strict=True):
        found = decode_rle(ann['segmentation']) > 0
        assert (found & mask).sum() / (found | mask).sum() > 0.8
        assert 'stroke' not in ann
        assert ann['bbox'][2] > 0


def test_png_files_draw_the_same(drawn):
    folder, strokes, _ = drawn
    (folder / 'png').mkdir()
    for name in strokes:
        numbers = Strokes(folder / 'strokes.json').numbers(name, (64, 64))
        cv2.imwrite(str(folder / 'png' / name), np.minimum(numbers, 255).astype(np.uint8))
    by_json = cut(folder, '--scribbles', folder / 'strokes.json')[1]['annotations']
    (folder / 'masks.json').unlink()
    by_png = cut(folder, '--scribbles', folder / 'png')[1]['annotations']
    assert [ann['segmentation'] for ann in by_png] == [ann['segmentation'] for ann in by_json]


def test_strokes_correct_boxes(drawn):
    folder, _, truth = drawn
    status, content = cut(folder, folder / 'ann.json', '--scribbles', folder / 'strokes.json')
    assert status == 0
    for ann, mask in zip(content['annotations'], truth, strict=True):
        x, y = deepest_point(mask)
        assert decode_rle(ann['segmentation'])[y, x]


@pytest.mark.parametrize(('content', 'words'), [
    ({'a.png': [dict(object=0, points=[[1, 2]])]}, "stroke 1 of 'a.png'.*from 1 to 254"),
    ({'a.png': [dict(object=1, points=[])]}, "stroke 1 of 'a.png'"),
    ([1], 'stroke 1 of None'),
])
def test_wrong_strokes_are_refused(tmp_path, content, words):
    (tmp_path / 'wrong.json').write_text(json.dumps(content))
    with pytest.raises(UserError, match=words):
        Strokes(tmp_path / 'wrong.json')


def test_neither_boxes_nor_strokes_are_refused(tmp_path, capsys):
    assert cut(tmp_path)[0] == 2
    assert 'neither boxes nor --scribbles are named' in capsys.readouterr().err

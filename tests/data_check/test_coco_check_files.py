"""What the data check says of missing, misplaced and malformed files."""

import re

import pytest
from coco_sets import check, only_problem, sound_content, write_image, write_set

from mmseg_plugins.data_check.image_check import ImageOptions


def test_missing_annotation_file_names_what_is_there(tmp_path):
    write_set(tmp_path / 'data', sound_content())
    text = only_problem(check(tmp_path, ann_file=tmp_path / 'data/annotations/trian.json'))
    assert 'trian.json does not exist' in text
    assert 'holds the files train.json' in text


def test_missing_folder_on_the_way_is_named(tmp_path):
    write_set(tmp_path / 'data', sound_content())
    assert re.search(
        r'data exists, anns in it does not', only_problem(check(tmp_path, ann_file=tmp_path / 'data/anns/a.json'))
    )


def test_malformed_json_gives_line_and_column(tmp_path):
    path = write_set(tmp_path / 'data', sound_content())
    path.write_text('{"images": [],\n "annotations": [}')
    assert '(line 2, column 18)' in only_problem(check(tmp_path))


@pytest.mark.parametrize(
    ('data', 'text'),
    [
        (b'', 'line 1, column 1'),
        (b'{"images": ["\xff"]}', 'not UTF-8'),
        (b'[1, 2]', 'holds a list'),
        (b'{"image": [], "annotations": [], "categories": []}', "no 'images'.*did you mean 'image'"),
        (b'{"images": {}, "annotations": [], "categories": []}', "'images' is a dict"),
        (b'{"images": [], "annotations": [], "categories": ["cat"]}', 'a category has a number'),
    ],
)
def test_file_that_is_no_coco_is_named(tmp_path, data, text):
    write_set(tmp_path / 'data', sound_content()).write_bytes(data)
    assert re.search(text, only_problem(check(tmp_path)))


def test_missing_image_folder_names_the_near_one(tmp_path):
    write_set(tmp_path / 'data', sound_content())
    text = only_problem(check(tmp_path, img_dir=tmp_path / 'data/trein'))
    assert 'holds the folders train' in text


def test_missing_image_is_named(tmp_path):
    write_set(tmp_path / 'data', sound_content())
    (tmp_path / 'data/train/2.png').unlink()
    assert '2.png' in only_problem(check(tmp_path))


def test_wrong_folder_where_no_image_exists_says_so_once(tmp_path):
    write_set(tmp_path / 'data', sound_content())
    (tmp_path / 'data/other').mkdir()
    problems = check(tmp_path, img_dir=tmp_path / 'data/other').problems()
    assert 'not one of the 3 images' in problems[0]


def test_unicode_and_spaces_in_paths(tmp_path):
    content = sound_content()
    for image, name in zip(content['images'], ('größe 1.png', 'ordner/図 2.png', 'ü/x y.png'), strict=True):
        image['file_name'] = name
    report = check(tmp_path / 'mein Ordner é', content, ImageOptions(decode=True))
    assert report.problems() == []
    assert report.kept_images == 3


def test_size_that_differs_from_the_file_stops(tmp_path):
    write_set(tmp_path / 'data', sound_content())
    write_image(tmp_path / 'data/train/3.png', 60, 40)
    assert re.search(r'3.png: the JSON says 60 x 40, the file is 40 x 60', only_problem(check(tmp_path)))


def test_only_a_sample_of_headers_is_read_unless_asked(tmp_path):
    content = sound_content(images=10)
    write_set(tmp_path / 'data', content)
    write_image(tmp_path / 'data/train/2.png', 20, 20)
    report = check(tmp_path, options=ImageOptions(max_headers=2))
    assert report.problems() == []
    assert any('2 of them opened' in note for note in report.notes)
    assert '2.png' in only_problem(check(tmp_path, options=ImageOptions(max_headers=None)))

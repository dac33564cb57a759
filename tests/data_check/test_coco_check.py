"""What the data check says of a COCO set, and that it agrees with what mmdet loads."""

import contextlib
import copy
import io
import json
import re

import numpy as np
import pytest
from coco_sets import (
    CLASSES,
    FILTER,
    annotation,
    check,
    dataset_config,
    only_problem,
    rle_annotation,
    sound_content,
    write_set,
)
from mmdet.datasets import CocoDataset

from mmseg_plugins import setup
from mmseg_plugins.data_check.check_report import collect_problems, data_error, write_report
from mmseg_plugins.data_check.coco_check import CocoSource, check_coco
from mmseg_plugins.data_check.image_check import ImageOptions


def test_sound_set_has_no_problem_and_a_histogram(tmp_path):
    report = check(tmp_path, sound_content())
    assert report.problems() == []
    assert not report.counts
    assert (report.images, report.annotations, report.kept_images, report.kept_annotations) == (3, 6, 3, 6)
    assert report.histogram == {'cat': (3, 3), 'dog': (3, 3)}
    assert re.search(r'cat +3 +3', report.text())


def test_image_files_are_left_alone_where_only_annotations_are_read(tmp_path):
    path = write_set(tmp_path, sound_content())
    source = CocoSource('train', path, tmp_path / 'no such folder', CLASSES)
    assert check_coco(source, ImageOptions(files=False)).problems() == []
    assert 'does not exist' in only_problem(check_coco(source))


# What is dropped, one by one: kind, changed annotation.
DROPPED = {
    'crowd': annotation(99, iscrowd=1),
    'ignore': annotation(99, ignore=1),
    'outside': annotation(99, bbox=[100, 100, 10, 10]),
    'small_box': annotation(99, bbox=[5, 5, 0.5, 9]),
    'small_box#area': annotation(99, area=0),
    'small_box#negative': annotation(99, bbox=[20, 5, -9, 9]),
    'unknown_category': annotation(99, category_id=77),
    'unknown_image': annotation(99, image_id=77),
    'short_polygon': annotation(99, segmentation=[[1, 1, 2, 2], [1, 2, 3]]),
    'short_part': annotation(99, segmentation=[[24, 6, 34, 6, 34, 14], [1, 2]]),
}


@pytest.mark.parametrize('name', DROPPED)
def test_dropped_annotation_is_listed_with_file_and_id_and_does_not_stop(tmp_path, name):
    content = sound_content()
    content['annotations'].append(DROPPED[name])
    report = check(tmp_path, content)
    kind = name.split('#')[0]
    assert report.problems() == []
    assert dict(report.counts) == {kind: 1}
    finding = report.findings[0]
    assert (finding.kind, finding.annotation_id) == (kind, 99)
    assert finding.file == (None if kind == 'unknown_image' else '1.png')
    assert report.kept_annotations == (7 if kind == 'short_part' else 6)
    assert 'annotation 99' in report.text()


# What stops the run: kind, changed annotation, text that names the wrong value.
STOPPING = {
    'bad_box': (annotation(99, bbox=[1, 2, 3]), r'bbox \[1, 2, 3\]'),
    'bad_box#nan': (annotation(99, bbox=[1, 2, float('nan'), 4]), 'nan'),
    'bad_box#infinite': (annotation(99, bbox=[1, 2, float('inf'), 4]), 'inf'),
    'bad_box#text': (annotation(99, bbox='1 2 3 4'), '1 2 3 4'),
    'bad_rle': (annotation(99, segmentation={'size': [40, 60], 'counts': '~~'}), 'alphabet'),
    'bad_rle#size': (annotation(99, segmentation={'size': [60, 40], 'counts': [2400]}), r"not the image's"),
    'bad_rle#zero': (annotation(99, segmentation={'size': [0, 0], 'counts': ''}), 'positive'),
    'bad_rle#none': (annotation(99, segmentation={'size': [40, 60], 'counts': None}), 'NoneType'),
    'bad_polygon': (annotation(99, segmentation=[[1, 2, float('nan'), 4, 5, 6]]), 'NaN'),
    'bad_polygon#mixed': (annotation(99, segmentation=[[1, 2, 3, 4, 5, 6], 7]), 'polygon 1 must be a list'),
    'no_mask': (annotation(99, segmentation=...), 'absent'),
    'no_mask#empty': (annotation(99, segmentation=[]), r'\[\]'),
    'missing_key': (annotation(99, bbox=..., segmentation=...), 'without bbox'),
    'missing_key#area': (annotation(99, area='large'), "area 'large'"),
    'missing_key#crowd': (annotation(99, iscrowd='perhaps'), "iscrowd 'perhaps' is neither 0 nor 1"),
    'missing_key#id': (annotation(99, category_id=[1]), r'category_id \[1\]'),
    'missing_key#object': ('annotation', 'is a str'),
    'duplicate_annotation_id': (annotation(1, category_id=2), 'annotation 1'),
}


@pytest.mark.parametrize('name', STOPPING)
def test_dangerous_annotation_stops_with_value_rule_and_fix(tmp_path, name):
    content = sound_content()
    wrong, text = STOPPING[name]
    content['annotations'].append(wrong)
    report = check(tmp_path, content)
    assert set(report.counts) == {name.split('#')[0]}
    assert re.search(text, only_problem(report)), only_problem(report)


def test_missing_iscrowd_is_read_as_0_with_a_note(tmp_path):
    content = sound_content()
    content['annotations'].append(annotation(99, iscrowd=...))
    report = check(tmp_path, content)
    assert report.problems() == []
    assert any("iscrowd is read as 0 or 1 (annotation 99 has 'nothing')" in note for note in report.notes)


def test_masks_are_not_judged_where_nothing_reads_them(tmp_path):
    content = sound_content()
    content['annotations'].append(annotation(99, segmentation={'size': [0, 0], 'counts': '~'}))
    assert check(tmp_path, content, reads_masks=False).problems() == []


def test_rle_is_ignored_by_a_loader_that_wants_polygons(tmp_path):
    report = check(tmp_path, sound_content(), poly2mask=False)
    assert dict(report.counts) == {'rle_ignored': 3}
    assert report.histogram == {'cat': (3, 3), 'dog': (0, 0)}


def test_unordered_ids_are_fine(tmp_path):
    content = sound_content()
    content['images'].reverse()
    content['annotations'] = content['annotations'][::-1]
    content['categories'].reverse()
    report = check(tmp_path, content, classes=('dog', 'cat'))
    assert report.problems() == []
    assert report.histogram == {'dog': (3, 3), 'cat': (3, 3)}


def test_duplicate_image_id_stops(tmp_path):
    content = sound_content()
    content['images'].append(dict(content['images'][0], file_name='twice.png'))
    assert re.search('twice.png: also 1.png', only_problem(check(tmp_path, content)))


@pytest.mark.parametrize(
    ('changes', 'text'),
    [
        ({'height': ...}, "without 'height'"),
        ({'file_name': 5}, 'file_name 5'),
        ({'width': 0}, 'width 0'),
        ({'id': [1]}, r'id \[1\]'),
    ],
)
def test_image_entry_without_what_mmdet_reads_stops(tmp_path, changes, text):
    content = sound_content()
    write_set(tmp_path / 'data', content)
    content['images'].append({k: v for k, v in {**content['images'][0], 'id': 9, **changes}.items() if v is not ...})
    (tmp_path / 'data/annotations/train.json').write_text(json.dumps(content))
    assert re.search(text, only_problem(check(tmp_path)))


# Classes against categories.


@pytest.mark.parametrize('classes', [('dog', 'cat'), ('bird', 'cat', 'dog')])
def test_order_of_the_json_does_not_matter(tmp_path, classes):
    content = sound_content()
    content['categories'].insert(1, {'id': 7, 'name': 'bird'})
    report = check(tmp_path, content, classes=classes)
    assert report.problems() == []
    assert tuple(report.histogram) == classes


def test_misspelt_class_names_the_near_one(tmp_path):
    assert "'dgo' (did you mean 'dog'?)" in only_problem(check(tmp_path, sound_content(), classes=('cat', 'dgo')))


def test_class_in_other_letter_case_names_the_near_one(tmp_path):
    assert "'Dog' (did you mean 'dog'?)" in only_problem(check(tmp_path, sound_content(), classes=('cat', 'Dog')))


def test_doubled_category_names_stop(tmp_path):
    content = sound_content()
    content['categories'].append({'id': 3, 'name': 'dog'})
    assert "category names must be unique, these are not: ['dog']" in only_problem(check(tmp_path, content))


def test_unused_categories_are_counted_by_name_not_one_by_one(tmp_path):
    report = check(tmp_path, sound_content(), classes=('dog',))
    assert report.problems() == []
    assert report.counts == {'other_class': 3}
    assert report.findings == []
    assert 'cat 3' in report.text()
    assert report.kept_annotations == 3


# Nothing left.


def empty_sets():
    crowd = sound_content()
    for ann in crowd['annotations']:
        ann['iscrowd'] = 1
    none = dict(sound_content(), images=[], annotations=[])
    bare = dict(sound_content(), annotations=[])
    return {
        'crowd only': (crowd, '6 x crowd'),
        'no images': (none, 'lists no image'),
        'no annotations': (bare, 'filter'),
    }


@pytest.mark.parametrize('name', ['crowd only', 'no images', 'no annotations'])
def test_empty_set_names_categories_classes_and_filter(tmp_path, name):
    content, text = empty_sets()[name]
    problem = only_problem(check(tmp_path, content))
    assert text in problem
    assert "categories are ('cat', 'dog')" in problem
    assert "classes ('cat', 'dog')" in problem
    assert 'min_size' in problem


def test_filter_that_drops_every_image_stops(tmp_path):
    report = check(tmp_path, sound_content(), filter_cfg={'min_size': 500})
    assert report.counts == {'small_image': 3}
    assert 'no image is left' in only_problem(report)


def test_evaluation_set_without_annotations_stops_but_a_test_set_may_lack_them(tmp_path):
    content = dict(sound_content(), annotations=[])
    assert '-1' in only_problem(check(tmp_path, content, test_mode=True))
    del content['annotations']
    assert "no 'annotations'" in only_problem(check(tmp_path, content))
    report = check(tmp_path, content, test_mode=True, needs_annotations=False)
    assert report.problems() == []
    assert any('no annotation' in note for note in report.notes)


# Agreement with mmdet.


def random_content(seed):
    """A set in which every rule of mmdet's loader applies somewhere."""
    rng = np.random.default_rng(seed)
    content = sound_content(images=12)
    content['categories'].append({'id': 3, 'name': 'bird'})
    for image in content['images']:
        if rng.random() < 0.2:
            image['height'] = 12
    content['annotations'] = []
    for i in range(60):
        maker = annotation if rng.random() < 0.5 else rle_annotation
        box = rng.uniform([-30, -30, -5, -5], [90, 60, 30, 30])
        ann = maker(i + 1, int(rng.integers(1, 14)), int(rng.integers(1, 5)), bbox=np.round(box, 1).tolist())
        ann['iscrowd'] = int(rng.random() < 0.2)
        ann['area'] = float(rng.choice([0, -1, 20, 80, 80, 80]))
        if rng.random() < 0.1:
            ann['ignore'] = 1
        content['annotations'].append(ann)
    return content


@pytest.mark.parametrize('seed', range(6))
@pytest.mark.parametrize('test_mode', [False, True])
def test_kept_images_and_annotations_equal_mmdets(tmp_path, seed, test_mode):
    content = random_content(seed)
    path = write_set(tmp_path / 'data', content)
    report = check(tmp_path, test_mode=test_mode, reads_masks=False)
    config = dataset_config(tmp_path / 'data', test_mode=test_mode, filter_cfg=FILTER, pipeline=[])
    config.pop('type')
    with contextlib.redirect_stdout(io.StringIO()):
        everything = CocoDataset(**{**config, 'test_mode': True})
        kept = CocoDataset(**config)
    loaded = [instance for i in range(len(everything)) for instance in everything.get_data_info(i)['instances']]
    assert path.exists()
    assert report.kept_images == len(kept)
    assert report.kept_annotations == sum(not instance['ignore_flag'] for instance in loaded)
    assert report.counts['crowd'] == sum(instance['ignore_flag'] for instance in loaded)
    by_label = [sum(x['bbox_label'] == k and not x['ignore_flag'] for x in loaded) for k in range(2)]
    assert [report.histogram[name][0] for name in CLASSES] == by_label
    others = ('crowd', 'empty_image', 'small_image', 'image_size', 'box_beyond', 'object_twice')
    dropped = sum(n for kind, n in report.counts.items() if kind not in others)
    assert report.annotations == len(loaded) + dropped


@pytest.mark.parametrize('classes', [('dog', 'cat'), ('bird', 'cat', 'dog')])
def test_labels_follow_the_config_whatever_the_json_lists(tmp_path, classes):
    """Stock mmdet numbers them in the order of the JSON: a lacking class or another order shifts them."""
    setup()
    write_set(tmp_path / 'data', sound_content())
    config = dataset_config(tmp_path / 'data', metainfo={'classes': classes}, pipeline=[])
    config.pop('type')
    with contextlib.redirect_stdout(io.StringIO()):
        dataset = CocoDataset(**config)
    labels = [item['bbox_label'] for item in dataset.get_data_info(0)['instances']]
    assert labels == [classes.index('cat'), classes.index('dog')]


# The report.


def test_all_problems_come_in_one_error_and_all_findings_in_the_json(tmp_path):
    content = sound_content()
    for number in range(90, 99):
        content['annotations'].append(annotation(number, iscrowd=1))
    content['annotations'].append(annotation(99, bbox=[1, 2, float('nan'), 4]))
    content['annotations'].append(annotation(100, segmentation=[]))
    report = check(tmp_path, content)
    error = data_error(collect_problems([report]))
    assert str(error).count('Fix') == 2
    assert 'data_check=False' in str(error)
    assert 'and 6 more' in report.text()
    write_report(tmp_path / 'work/data_check.json', [report])
    written = json.loads((tmp_path / 'work/data_check.json').read_text())['datasets'][0]
    assert [item['annotation_id'] for item in written['findings'] if item['kind'] == 'crowd'] == list(range(90, 99))
    assert written['histogram']['cat'] == {'instances': 3, 'images': 3}


def test_checking_changes_nothing(tmp_path):
    content = sound_content()
    before = copy.deepcopy(content)
    check(tmp_path, content)
    assert content == before


def test_garbage_never_crashes_the_check(tmp_path):
    """500 JSONs with one value somewhere replaced by another kind of value."""
    rng = np.random.default_rng(0)
    junk = [None, 'x', -1, 0, 1e30, float('nan'), [], {}, [[]], [None], {'id': 1}, True, '']
    write_set(tmp_path / 'data', sound_content())
    for _ in range(500):
        content = sound_content()
        node, key = content, None
        while True:
            keys = list(node) if isinstance(node, dict) else list(range(len(node)))
            if not keys:
                break
            parent, key = node, keys[int(rng.integers(len(keys)))]
            node = parent[key]
            if not isinstance(node, (dict, list)) or rng.random() < 0.15:
                parent[key] = junk[int(rng.integers(len(junk)))]
                break
        (tmp_path / 'data/annotations/train.json').write_text(json.dumps(content))
        report = check(tmp_path)
        report.text(), report.as_dict()

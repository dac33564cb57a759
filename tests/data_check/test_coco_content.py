"""What a COCO file says against itself is found: boxes, masks, files and objects that are there twice."""

import pytest
from coco_sets import HEIGHT, WIDTH, annotation, check, only_problem, sound_content


def changed(change, number=None):
    content = sound_content()
    for ann in content['annotations'][:number]:
        change(ann)
    return content


def corners(ann):
    x, y, w, h = ann['bbox']
    ann['bbox'] = [x, y, x + w, y + h]


def fractions(ann):
    x, y, w, h = ann['bbox']
    x1, y1, x2, y2 = x / WIDTH, y / HEIGHT, (x + w) / WIDTH, (y + h) / HEIGHT
    ann['segmentation'] = [[x1, y1, x2, y1, x2, y2, x1, y2]]


def from_center(ann):
    x, y, w, h = ann['bbox']
    ann['bbox'] = [x + w / 2, y + h / 2, w, h]


@pytest.mark.parametrize(('change', 'text'), [
    (corners, 'bbox fits as [x1, y1, x2, y2]'), (fractions, 'The masks fit as fractions of the image'),
    (from_center, 'bbox fits as the center and the size'),
])
def test_units_that_are_wrong_everywhere_stop_with_the_likely_reading(tmp_path, change, text):
    problem = only_problem(check(tmp_path, changed(change)))
    assert text in problem
    assert '6 of 6 masks' in problem


def test_one_wrong_box_is_listed_and_does_not_stop(tmp_path):
    report = check(tmp_path, changed(fractions, 1))
    assert report.problems() == []
    (finding,) = report.findings
    assert (finding.kind, finding.annotation_id) == ('box_and_mask', 1)
    assert '[6, 6, 10, 8], its mask lies in [0.1, ' in finding.detail


def test_boxes_alone_that_fit_as_corners_stop(tmp_path):
    content = changed(lambda ann: ann.update(bbox=[40, 25, 58, 39]))
    assert 'all fit it as [x1, y1, x2, y2]' in only_problem(check(tmp_path, content, reads_masks=False))


def test_a_box_beyond_the_image_is_listed(tmp_path):
    report = check(tmp_path, changed(lambda ann: ann.update(bbox=[50, 6, 30, 8]), 1), reads_masks=False)
    assert report.problems() == []
    assert 'the image is 60 x 40 (20 pixels beyond)' in report.findings[0].detail


def test_objects_annotated_twice_are_listed_and_stop_where_all_are(tmp_path):
    content = sound_content()
    content['annotations'].append(dict(content['annotations'][0], id=99))
    report = check(tmp_path, content)
    assert (report.problems(), dict(report.counts)) == ([], {'object_twice': 1})
    content = sound_content()
    content['annotations'] += [dict(ann, id=ann['id'] + 100) for ann in content['annotations']]
    assert '6 of 12 objects repeat another' in only_problem(check(tmp_path, content))


def test_one_file_under_two_ids_is_listed(tmp_path):
    content = sound_content()
    content['images'].append(dict(content['images'][0], id=9))
    content['annotations'].append(annotation(99, 9))
    report = check(tmp_path, content)
    assert report.problems() == []
    assert [finding.image_id for finding in report.findings] == [1, 9]
    assert report.counts == {'file_twice': 2}


def test_classes_without_an_object_are_named(tmp_path):
    content = sound_content()
    content['annotations'] = [ann for ann in content['annotations'] if ann['category_id'] == 1]
    assert "classes without a usable object: ('dog')" in check(tmp_path, content).notes

"""Panoptic and semantic label maps: missing pairs and values that do not fit."""

import json

import cv2
import numpy as np
import pytest
from coco_sets import write_image
from mmseg.datasets import BaseSegDataset
from mmseg.datasets.transforms import LoadAnnotations
from PIL import Image

from mmseg_plugins.data_check.image_check import ImageOptions
from mmseg_plugins.data_check.map_check import MapSource, check_semantic
from mmseg_plugins.data_check.panoptic_check import check_panoptic
from mmseg_plugins.data_prep.shapes import STUFF, THINGS
from mmseg_plugins.data_prep.shapes_writer import ShapesSpec, write_shapes

CLASSES = ('road', 'tree', 'sky')


def write_labels(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode('.png', np.array(values, np.uint8))[1].tobytes())


def semantic(root, values=((0, 1), (2, 255)), **changes):
    for stem in ('a', 'sub/b'):
        write_image(root / f'img/{stem}.jpg', *np.shape(values)[:2])
        write_labels(root / f'ann/{stem}.png', values)
    fields = {'name': 'train', 'img_dir': root / 'img', 'map_dir': root / 'ann', 'classes': CLASSES}
    return MapSource(**{**fields, **changes})


def test_sound_semantic_set(tmp_path):
    report = check_semantic(semantic(tmp_path))
    assert report.problems() == []
    assert (report.images, report.annotations) == (2, 2)


@pytest.mark.parametrize(
    ('values', 'changes', 'text'),
    [
        ([[0, 7], [1, 1]], {}, r'labels \[7\] are neither in 0..2'),
        ([[0, 255], [0, 0]], {'ignore_index': 254}, r'labels \[255\]'),
        ([[1, 4], [1, 1]], {'reduce_zero_label': True}, r'labels \[4\] are neither in 1..3'),
        ([[[0, 0, 0]] * 2] * 2, {}, '3 channels'),
    ],
)
def test_labels_that_would_crash_the_loss_are_named(tmp_path, values, changes, text):
    import re

    (problem,) = check_semantic(semantic(tmp_path, values, **changes)).problems()
    assert re.search(text, problem), problem


def test_zero_is_the_ignored_label_with_reduce_zero_label(tmp_path):
    assert check_semantic(semantic(tmp_path, [[0, 1], [3, 255]], reduce_zero_label=True)).problems() == []


def test_missing_map_missing_folder_and_wrong_suffix_are_named(tmp_path):
    source = semantic(tmp_path)
    (tmp_path / 'ann/sub/b.png').unlink()
    (problem,) = check_semantic(source).problems()
    assert 'sub/b.png' in problem
    (problem,) = check_semantic(semantic(tmp_path, map_dir=tmp_path / 'anns')).problems()
    assert 'anns does not exist' in problem
    assert 'ann' in problem
    (problem,) = check_semantic(semantic(tmp_path, img_suffix='.png')).problems()
    assert '.jpg' in problem


def test_maps_of_another_size_are_named_with_both_sizes(tmp_path):
    source = semantic(tmp_path)
    write_labels(tmp_path / 'ann/sub/b.png', [[0, 1, 2], [2, 1, 0]])
    (problem,) = check_semantic(source).problems()
    assert 'sub/b.png: 3 x 2, sub/b.jpg is 2 x 2' in problem
    assert check_semantic(source, options=ImageOptions(files=False)).problems() == []


@pytest.mark.parametrize('values', [[[0]], [[0, 1, 2]], [[0], [1], [2]]])
def test_sides_of_one_pixel_are_refused_because_the_loader_drops_them(tmp_path, values):
    (problem,) = check_semantic(semantic(tmp_path, values)).problems()
    assert 'a side of 1 pixel' in problem
    info = dict(seg_map_path=str(tmp_path / 'ann/a.png'), reduce_zero_label=False, seg_fields=[])
    assert LoadAnnotations()(info)['gt_seg_map'].ndim < 2  # the reason


def test_unreadable_files_are_named(tmp_path):
    source = semantic(tmp_path)
    (tmp_path / 'img/a.jpg').write_bytes(b'no image')
    (tmp_path / 'ann/sub/b.png').write_bytes(b'')
    problems = ' '.join(check_semantic(source).problems())
    assert 'a.jpg' in problems
    assert 'sub/b.png: it cannot be decoded' in problems


def test_maps_that_are_all_void_are_counted_and_stop_only_if_all_are(tmp_path):
    source = semantic(tmp_path)
    write_labels(tmp_path / 'ann/a.png', [[255, 255], [255, 255]])
    report = check_semantic(source)
    assert report.problems() == []
    assert "1 of them hold no labelled pixel and add nothing to the loss: ['a.png']" in report.text()
    (problem,) = check_semantic(semantic(tmp_path, [[255, 255], [255, 255]])).problems()
    assert 'none of the 2 maps that were read holds a labelled pixel' in problem
    (problem,) = check_semantic(semantic(tmp_path, [[0, 0], [0, 0]], reduce_zero_label=True)).problems()
    assert 'none of the 2 maps' in problem


def test_labels_that_mmseg_would_cut_to_8_bits_are_refused(tmp_path):
    source = semantic(tmp_path, classes=tuple(map(str, range(300))), ignore_index=65535)
    for value in (256, 65535):
        labels = np.array([[0, 1], [2, value]], np.uint16)
        cv2.imwrite(str(tmp_path / 'ann/a.png'), labels)
        (problem,) = check_semantic(source).problems()
        assert f'a.png: labels up to {value}, and mmseg' in problem
        info = dict(seg_map_path=str(tmp_path / 'ann/a.png'), reduce_zero_label=False, seg_fields=[])
        assert LoadAnnotations()(info)['gt_seg_map'].max() < 256  # the reason
    cv2.imwrite(str(tmp_path / 'ann/a.png'), np.array([[0, 1], [2, 2]], np.uint16))
    assert check_semantic(source).problems() == []


def test_an_ignored_label_that_is_a_class_is_a_warning(tmp_path):
    report = check_semantic(semantic(tmp_path, ((0, 1), (2, 2)), ignore_index=2))
    assert "label 2 is the class 'sky' and the ignored label" in ' '.join(report.warnings)
    assert report.problems() == []


def test_palette_images_are_read_as_mmseg_reads_them(tmp_path):
    """VOC's maps: OpenCV would turn them into colours."""
    source = semantic(tmp_path)
    for value, wrong in ((2, False), (7, True)):
        image = Image.fromarray(np.array([[0, value], [1, 255]], np.uint8)).convert('P')
        image.putpalette([*range(256)] * 3)
        image.save(tmp_path / 'ann/a.png')
        assert Image.open(tmp_path / 'ann/a.png').mode == 'P'
        assert bool(check_semantic(source).problems()) == wrong


def test_maps_without_an_image_are_mentioned(tmp_path):
    source = semantic(tmp_path)
    write_labels(tmp_path / 'ann/sub/c.png', [[0, 1], [2, 2]])
    report = check_semantic(source)
    assert report.problems() == []
    assert "1 label maps have no image *.jpg and are not used: ['sub/c.png']" in report.text()


def test_list_of_stems_is_followed(tmp_path):
    (tmp_path / 'list.txt').write_text('a\nmissing\n')
    report = check_semantic(semantic(tmp_path, ann_file=tmp_path / 'list.txt'))
    assert report.counts == {'missing_image': 1, 'missing_map': 1}


@pytest.fixture
def panoptic(tmp_path):
    write_shapes(tmp_path / 'set', ShapesSpec(train=3, val=1, size=32))
    root = tmp_path / 'set'
    path = root / 'annotations/panoptic_train.json'
    return MapSource('train', root / 'train', root / 'panoptic_train', (*THINGS, *STUFF), ann_file=path)


def spoil(source, change):
    content = json.loads(source.ann_file.read_text())
    change(content)
    source.ann_file.write_text(json.dumps(content))
    (problem,) = check_panoptic(source).problems()
    return problem


def test_missing_isthing_is_named(panoptic):
    assert 'without "isthing": [\'ring\']' in spoil(panoptic, lambda c: c['categories'][4].pop('isthing'))


def test_segment_id_that_is_not_drawn_is_named(panoptic):
    problem = spoil(panoptic, lambda c: c['annotations'][0]['segments_info'][0].update(id=999))
    assert 'only in the JSON: [999]' in problem


def test_missing_panoptic_map_is_named(panoptic):
    (panoptic.map_dir / '000002.png').unlink()
    (problem,) = check_panoptic(panoptic).problems()
    assert '000002.png' in problem


@pytest.mark.parametrize(('text', 'problem'), [
    ('a\n\nsub/b\n', 'line 2 of'), ('\ufeffa\nsub/b\n', 'byte order mark'), ('', 'names no image'),
    ('\n\n', 'names no image'), ('a.jpg\n', "'a.jpg', to which mmseg adds '.jpg'"), ('a\r\nsub/b\r\n', None),
    (' a \nsub/b', None),
])
def test_lists_are_read_line_by_line_as_mmseg_reads_them(tmp_path, text, problem):
    (tmp_path / 'list.txt').write_bytes(text.encode())
    source = semantic(tmp_path, ann_file=tmp_path / 'list.txt')
    problems = check_semantic(source).problems()
    assert len(problems) == (problem is not None)
    assert (problem or '') in ''.join(problems)


def test_folders_are_listed_as_mmseg_lists_them(tmp_path):
    source = semantic(tmp_path)
    (tmp_path / 'img/._a.jpg').write_bytes(b'macOS')
    for folder in ('img', 'ann'):
        (tmp_path / 'elsewhere' / folder).mkdir(parents=True)
        suffix = '.jpg' if folder == 'img' else '.png'
        (tmp_path / folder / f'a{suffix}').rename(tmp_path / 'elsewhere' / folder / f'c{suffix}')
        (tmp_path / folder / 'city').symlink_to(tmp_path / 'elsewhere' / folder)
    report = check_semantic(source)
    dataset = BaseSegDataset(data_prefix=dict(img_path=str(source.img_dir), seg_map_path=str(source.map_dir)),
                             metainfo=dict(classes=CLASSES))
    assert report.problems() == []
    assert report.images == len(dataset) == 2


def test_maps_of_0_and_255_stop_where_255_is_ignored(tmp_path):
    (problem,) = check_semantic(semantic(tmp_path, [[0, 255], [0, 0]], classes=('ground', 'cell'))).problems()
    assert "nothing of the classes ('cell',) is left" in problem
    assert check_semantic(semantic(tmp_path, [[0, 1], [255, 0]], classes=('ground', 'cell'))).problems() == []


def test_classes_that_occur_in_no_map_are_named(tmp_path):
    report = check_semantic(semantic(tmp_path, [[0, 1], [1, 255]]))
    assert report.problems() == []
    assert "classes that occur in none of the maps that were read: ('sky',)" in report.notes


@pytest.mark.parametrize('value', [0.5, float('nan')])
def test_maps_of_fractions_are_refused(tmp_path, value):
    source = semantic(tmp_path, map_suffix='.tif')
    for stem in ('a', 'sub/b'):
        Image.fromarray(np.array([[0, 1], [1, value]], np.float32)).save(tmp_path / f'ann/{stem}.tif')
    (problem,) = check_semantic(source).problems()
    assert 'no whole numbers' in problem

"""YOLO segmentation sets as people have them, and the mistakes in them."""

import unicodedata

import pytest
from annotation_sets import H, W, picture

from mmseg_plugins.data_prep.annotations import ReadOptions
from mmseg_plugins.data_prep.yolo import read_yolo
from mmseg_plugins.structures.images import save_image
from mmseg_plugins.utils.errors import UserError

BOX = '0.25 0.25 0.5 0.25 0.5 0.5 0.25 0.5'  # x 16..32, y 12..24
YAML = 'train: images/train\nnames: [cat, dog]\n'


def make_yolo(folder, images=('images/train/a.png',), lines=(f'0 {BOX}',), yaml=YAML):
    for seed, name in enumerate(images):
        save_image(folder / name, picture(seed))
        target = (folder / name.replace('images', 'labels')).with_suffix('.txt')
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text('\n'.join(lines) + '\n', encoding='utf-8')
    if yaml:
        (folder / 'data.yaml').write_text(yaml, encoding='utf-8')
    return folder


def boxes(annotations):
    return [(item.name, *item.outlines[0].min(axis=0), *item.outlines[0].max(axis=0))
            for image in annotations.images() for item in image.objects]


def test_an_outline_in_parts_of_the_size_is_in_pixels(tmp_path):
    read = read_yolo(make_yolo(tmp_path), ReadOptions())
    assert boxes(read) == [('cat', 16, 12, 32, 24)]
    assert next(read.images()).objects[0].dense(H, W).sum() == 16 * 12


@pytest.mark.parametrize('yaml', [
    'path: .\ntrain: images/train\nval: images/val\nnames: {0: cat, 1: dog}\n',
    'train: ../images/train\nval: ../images/val\nnc: 2\nnames: [cat, dog]\n',  # Roboflow
    'train: [images/train]\nvalid: list.txt\nnames:\n  0: cat\n  1: dog\n',
])
def test_yamls_of_several_writers_are_read(tmp_path, yaml):
    make_yolo(tmp_path / 'set', ('images/train/a.png', 'images/val/b.png'), yaml=yaml)
    (tmp_path / 'set/list.txt').write_text('./images/val/b.png\n\n')
    read = read_yolo(tmp_path / 'set', ReadOptions())
    assert {split: [image.name for image in images] for split, images in read.splits.items()} == {
        'train': ['images/train/a.png'], 'val': ['images/val/b.png']}
    assert read.classes == ['cat', 'dog']


def test_subfolders_upper_case_suffixes_and_both_forms_of_accents_are_matched(tmp_path):
    composed, decomposed = unicodedata.normalize('NFC', 'é'), unicodedata.normalize('NFD', 'é')
    make_yolo(tmp_path, (f'images/train/deep/{composed}.PNG', f'images/train/{decomposed}x.PNG'))
    folder = tmp_path / 'labels/train'
    (folder / f'deep/{composed}.txt').rename(folder / f'deep/{decomposed}.TXT')
    read = read_yolo(tmp_path, ReadOptions())
    assert [len(image.objects) for image in read.images()] == [1, 1]


def test_images_without_an_object_are_counted_and_kept(tmp_path):
    make_yolo(tmp_path, ('images/train/a.png', 'images/train/b.png', 'images/train/c.png'))
    (tmp_path / 'labels/train/b.txt').write_text('')
    (tmp_path / 'labels/train/c.txt').unlink()
    read = read_yolo(tmp_path, ReadOptions())
    assert [len(image.objects) for image in read.images()] == [1, 0, 0]
    assert read.summary() == ('3 images (2 without an object), 1 objects of 2 classes, '
                              '1 images without a text file taken as background')


def test_parts_joined_by_a_seam_are_one_object_and_confidences_are_scores(tmp_path):
    two = '0.1 0.1 0.2 0.1 0.2 0.2 0.1 0.2 0.1 0.1 0.5 0.5 0.6 0.5 0.6 0.6 0.5 0.6 0.5 0.5 0.1 0.1'
    read = read_yolo(make_yolo(tmp_path, lines=(f'1 {two} 0.75', '0.0 ' + BOX)), ReadOptions())
    first, second = next(read.images()).objects
    assert (first.score, second.score, second.name) == (0.75, None, 'cat')
    mask = first.dense(H, W)
    assert mask[7, 8]
    assert mask[26, 34]
    assert not mask[15, 21]  # on the seam


def test_test_images_without_labels_are_left_out_and_counted(tmp_path):
    yaml = 'train: images/train\ntest: images/test\nnames: [cat, dog]\n'
    make_yolo(tmp_path, ('images/train/a.png', 'images/test/b.png'), yaml=yaml)
    (tmp_path / 'labels/test/b.txt').unlink()
    read = read_yolo(tmp_path, ReadOptions())
    assert list(read.splits) == ['train']
    assert read.counts['test images left out, none has a text file'] == 1


def test_points_that_lie_a_little_outside_are_pulled_in(tmp_path):
    read = read_yolo(make_yolo(tmp_path, lines=('0 -0.005 0 0.5 0 0.5 1.005 0 1',)), ReadOptions())
    assert boxes(read) == [('cat', 0, 0, 32, 48)]


def test_other_names_than_the_yamls_are_refused(tmp_path):
    make_yolo(tmp_path)
    with pytest.raises(UserError, match=r"--classes dog cat: .*data\.yaml has the names \['cat', 'dog'\]"):
        read_yolo(tmp_path, ReadOptions(classes=['dog', 'cat']))


def test_a_set_without_yaml_needs_the_names(tmp_path):
    make_yolo(tmp_path, yaml=None)
    with pytest.raises(UserError, match=r'holds no yaml with the names.*Fix: --classes'):
        read_yolo(tmp_path, ReadOptions())
    assert boxes(read_yolo(tmp_path, ReadOptions(classes=['pig']))) == [('pig', 16, 12, 32, 24)]


@pytest.mark.parametrize(('lines', 'text'), [
    (('0 100 100 200 100 200 200',), r'a\.txt line 1: a coordinate is 200.*0\.\.1'),
    (('0 0.1 0.1 nan 0.1 0.2 0.2',), 'a coordinate is nan'),
    ((f'0 {BOX}', f'2 {BOX}'), r'line 2: class 2, there are 2 names'),
    ((f'-1 {BOX}',), 'class -1'),
    ((f'0.5 {BOX}',), r'class 0\.5'),
    (('0 0.5 0.5 0.2 0.2',), '4 numbers after the class are a box.*grabcut'),
    (('0 0.5 0.5',), 'at least 3 points'),
    ((f'cat {BOX}',), 'is not all numbers'),
])
def test_wrong_lines_are_named(tmp_path, lines, text):
    with pytest.raises(UserError, match=text) as caught:
        read_yolo(make_yolo(tmp_path, lines=lines), ReadOptions())
    assert 'Fix' in str(caught.value)
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize(('yaml', 'text'), [
    ('train: images/train\nnames: []\n', 'has no "names"'),
    ('train: images/train\nnames: {0: cat, 2: dog}\n', r'class numbers are \[0, 2\]'),
    ('train: images/train\nnc: 3\nnames: [cat, dog]\n', 'nc is 3, but names has 2'),
    ('train: images/train\nnames: [cat, cat]\n', 'names a class twice'),
    ('train: images/gone\nnames: [cat, dog]\n', "names 'images/gone', which is not there"),
    ('names: [cat, dog]\n', 'has neither train nor val'),
    ('names: [cat\n', 'is no YAML'),
])
def test_wrong_yamls_are_named(tmp_path, yaml, text):
    make_yolo(tmp_path, yaml=yaml)
    with pytest.raises(UserError, match=text) as caught:
        read_yolo(tmp_path / 'data.yaml', ReadOptions())
    assert '\n' not in str(caught.value)


def test_names_that_do_not_match_are_named(tmp_path):
    make_yolo(tmp_path)
    label = tmp_path / 'labels/train/a.txt'
    (label.parent / 'b.txt').write_text(label.read_text())
    with pytest.raises(UserError, match=r"1 label file without an image, such as 'b\.txt'.*images are 'a\.png'"):
        read_yolo(tmp_path, ReadOptions())
    label.unlink()
    with pytest.raises(UserError, match='none of 1 images has a text file'):
        read_yolo(tmp_path, ReadOptions())


def test_two_images_of_one_text_file_are_named(tmp_path):
    make_yolo(tmp_path, ('images/train/a.png', 'images/train/a.jpg'))
    with pytest.raises(UserError, match='share the text file'):
        read_yolo(tmp_path, ReadOptions())


def test_classes_of_labelimg_and_hidden_files_are_no_labels(tmp_path):
    make_yolo(tmp_path)
    for name in ('classes.txt', '._a.txt'):
        (tmp_path / 'labels/train' / name).write_text('cat\ndog\n')
    (tmp_path / 'images/train/._a.png').write_bytes(b'\x00')
    assert boxes(read_yolo(tmp_path, ReadOptions())) == [('cat', 16, 12, 32, 24)]

"""The converters on tiny made-up inputs: exact results, and clear errors for wrong ones."""


import json

import cv2
import numpy as np
import pytest
from raw_sets import H, W, make_camvid, noise

from mmseg_plugins.cli.main import main
from mmseg_plugins.data_check.coco_check import CocoSource, check_coco
from mmseg_plugins.data_check.image_check import ImageOptions
from mmseg_plugins.data_prep.common import ellipse_outline, polygon_area, split_names
from mmseg_plugins.data_prep.dsb2018 import convert_dsb2018
from mmseg_plugins.data_prep.labelme import convert_labelme
from mmseg_plugins.data_prep.via import convert_via
from mmseg_plugins.structures.images import save_image
from mmseg_plugins.structures.rle import decode_rle
from mmseg_plugins.utils.errors import UserError


def load(path):
    return json.loads(path.read_text(encoding='utf-8'))


def assert_sound(json_path, img_dir, classes):
    report = check_coco(CocoSource('train', json_path, img_dir, classes), ImageOptions(decode=True))
    assert report.problems() == []
    assert not report.counts


# Data Science Bowl


def dsb_masks(seed):
    """Two touching masks and one with a hole."""
    masks = [np.zeros((H, W), np.uint8) for _ in range(3)]
    masks[0][2:10, 2:10] = 255
    masks[1][2:10, 10 : 14 + seed] = 255
    masks[2][15:27, 5:20] = 255
    masks[2][18:24, 8:16] = 0
    return masks


def make_dsb(root, names=('aa', 'bb', 'cc', 'dd')):
    for seed, name in enumerate(names):
        rgba = np.dstack([noise(seed=seed), np.full((H, W), 255, np.uint8)])
        save_image(root / name / 'images' / f'{name}.png', rgba)
        for i, mask in enumerate(dsb_masks(seed)):
            save_image(root / name / 'masks' / f'{i}.png', mask)
    return root


def test_dsb_keeps_masks_exactly_and_splits_alike_each_time(tmp_path):
    root = make_dsb(tmp_path / 'stage1_train')
    builders = convert_dsb2018(root, tmp_path / 'out', val_fraction=0.25, seed=3)
    assert {split: len(b.images) for split, b in builders.items()} == {'train': 3, 'val': 1}
    content = load(tmp_path / 'out/annotations/instances_train.json')
    seeds = dict(zip(('aa', 'bb', 'cc', 'dd'), range(4), strict=True))
    for image in content['images']:
        found = [decode_rle(a['segmentation']) for a in content['annotations'] if a['image_id'] == image['id']]
        expected = dsb_masks(seeds[image['file_name'][:2]])
        assert all((a == (b > 0)).all() for a, b in zip(found, expected, strict=True))
        written = cv2.imread(str(tmp_path / 'out/train' / image['file_name']), cv2.IMREAD_UNCHANGED)
        assert (written == noise(seed=seeds[image['file_name'][:2]])).all()
    assert content['annotations'][2]['bbox'] == [5, 15, 15, 12]
    assert content['annotations'][2]['area'] == 12 * 15 - 6 * 8
    assert_sound(tmp_path / 'out/annotations/instances_train.json', tmp_path / 'out/train', ('nucleus',))
    convert_dsb2018(root, tmp_path / 'again', val_fraction=0.25, seed=3)
    assert load(tmp_path / 'again/annotations/instances_val.json') == load(
        tmp_path / 'out/annotations/instances_val.json'
    )


def test_dsb_counts_empty_masks(tmp_path):
    root = make_dsb(tmp_path / 'stage1_train')
    save_image(root / 'aa/masks/9.png', np.zeros((H, W), np.uint8))
    builders = convert_dsb2018(root, tmp_path / 'out', val_fraction=0)
    assert builders['train'].summary() == '4 images, 12 instances of 1 classes, 1 empty masks left out'


def spoil_dsb(kind, root):
    if kind == 'size':
        save_image(root / 'aa/masks/0.png', np.full((9, 9), 255, np.uint8))
    elif kind == 'no masks':
        for path in (root / 'bb/masks').iterdir():
            path.unlink()
    elif kind == 'two images':
        save_image(root / 'cc/images/other.png', noise())
    elif kind == 'corrupt':
        (root / 'dd/masks/1.png').write_bytes(b'no picture')
    return {
        'size': 'is 9 x 9, its image 40 x 30',
        'no masks': 'holds no mask.*stage1_test',
        'two images': 'holds 2 PNG images',
        'corrupt': '1.png cannot be decoded',
    }[kind]


@pytest.mark.parametrize('kind', ['size', 'no masks', 'two images', 'corrupt'])
def test_dsb_wrong_input_is_named(tmp_path, kind):
    root = make_dsb(tmp_path / 'stage1_train')
    text = spoil_dsb(kind, root)
    with pytest.raises(UserError, match=text) as caught:
        convert_dsb2018(root, tmp_path / 'out')
    assert 'Fix' in str(caught.value)


def test_stratified_split_takes_a_part_of_each_kind():
    kinds = {f'{i:02d}': i % 5 == 0 for i in range(40)}
    train, val = split_names(list(kinds), 0.25, 0, kinds)
    assert (len(train), len(val)) == (30, 10)
    assert sum(kinds[name] for name in val) == 2
    assert sorted(train + val) == sorted(kinds)
    assert split_names(list(reversed(list(kinds))), 0.25, 0, kinds) == (train, val)
    assert split_names(list(kinds), 0.25, 1, kinds) != (train, val)


def test_validation_fraction_out_of_range_is_refused():
    with pytest.raises(UserError, match=r'got 1\.0'):
        split_names(['a'], 1.0, 0)


# VIA

VIA_SHAPES = {
    'polygon': ({'name': 'polygon', 'all_points_x': [5, 15, 15, 5], 'all_points_y': [4, 4, 24, 24]}, 200),
    'rect': ({'name': 'rect', 'x': 5, 'y': 4, 'width': 10, 'height': 20}, 200),
    'circle': ({'name': 'circle', 'cx': 20, 'cy': 15, 'r': 10}, np.pi * 100),
    'ellipse': ({'name': 'ellipse', 'cx': 20, 'cy': 15, 'rx': 12, 'ry': 6, 'theta': 0.5}, np.pi * 72),
}


def make_via(folder, regions, name='ballon é 1.png', as_list=False):
    save_image(folder / name, noise())
    items = [{'shape_attributes': shape, 'region_attributes': attributes} for shape, attributes in regions]
    held = items if as_list else {str(i): item for i, item in enumerate(items)}
    path = folder / 'via_region_data.json'
    path.write_text(json.dumps({f'{name}123': {'filename': name, 'size': 123, 'regions': held, 'file_attributes': {}}}))
    return path


@pytest.mark.parametrize('as_list', [True, False])
@pytest.mark.parametrize('shape', VIA_SHAPES)
def test_via_shapes_become_polygons_of_their_area(tmp_path, shape, as_list):
    attributes, area = VIA_SHAPES[shape]
    path = make_via(tmp_path, [(attributes, {})], as_list=as_list)
    convert_via(path, tmp_path, tmp_path / 'coco.json', class_name='balloon')
    content = load(tmp_path / 'coco.json')
    assert content['categories'] == [{'id': 1, 'name': 'balloon'}]
    assert content['annotations'][0]['area'] == pytest.approx(area, rel=0.03)
    if shape in ('polygon', 'rect'):
        assert content['annotations'][0]['bbox'] == [5, 4, 10, 20]
    assert_sound(tmp_path / 'coco.json', tmp_path, ('balloon',))


def test_via_class_attribute_and_project_file(tmp_path):
    regions = [(VIA_SHAPES['rect'][0], {'kind': 'red'}), (VIA_SHAPES['circle'][0], {'kind': 'blue'})]
    path = make_via(tmp_path, regions, as_list=True)
    path.write_text(json.dumps({'_via_settings': {}, '_via_img_metadata': load(path)}))
    convert_via(path, tmp_path, tmp_path / 'coco.json', class_attribute='kind')
    content = load(tmp_path / 'coco.json')
    assert [item['name'] for item in content['categories']] == ['blue', 'red']
    assert [a['category_id'] for a in content['annotations']] == [2, 1]


def test_via_points_outside_the_image_are_pulled_in_and_flat_shapes_counted(tmp_path):
    wide = {'name': 'rect', 'x': -10, 'y': 4, 'width': 100, 'height': 20}
    flat = {'name': 'polygon', 'all_points_x': [1, 5, 9], 'all_points_y': [3, 3, 3]}
    builder = convert_via(make_via(tmp_path, [(wide, {}), (flat, {})]), tmp_path, tmp_path / 'coco.json')
    assert builder.annotations[0]['bbox'] == [0, 4, 40, 20]
    assert '1 polygons without area left out' in builder.summary()


@pytest.mark.parametrize(
    ('shape', 'attributes', 'text'),
    [
        ({'name': 'point', 'cx': 1, 'cy': 2}, {'kind': 'a'}, "a 'point' has no area"),
        ({'name': 'polyline', 'all_points_x': [1, 2], 'all_points_y': [1, 2]}, {'kind': 'a'}, "'polyline' has no area"),
        ({'name': 'circle', 'cx': 1, 'cy': 2}, {'kind': 'a'}, "circle without proper 'r'"),
        ({'name': 'polygon', 'all_points_x': [1, 2, 3], 'all_points_y': [1, 2]}, {'kind': 'a'}, '3 x and 2 y'),
        (VIA_SHAPES['rect'][0], {}, "attribute 'kind' is None"),
        (VIA_SHAPES['rect'][0], {'kind': {'a': True}}, 'must be a class name'),
    ],
)
def test_via_wrong_regions_are_named(tmp_path, shape, attributes, text):
    path = make_via(tmp_path, [(shape, attributes)])
    with pytest.raises(UserError, match=text) as caught:
        convert_via(path, tmp_path, tmp_path / 'coco.json', class_attribute='kind')
    assert 'region 0' in str(caught.value)


def test_via_missing_image_and_doubled_name_are_named(tmp_path):
    path = make_via(tmp_path, [(VIA_SHAPES['rect'][0], {})])
    content = load(path)
    (entry,) = content.values()
    path.write_text(json.dumps({**content, 'other': entry}))
    with pytest.raises(UserError, match='two images are named'):
        convert_via(path, tmp_path, tmp_path / 'coco.json')
    path.write_text(json.dumps({'a': {**entry, 'filename': 'gone.png'}}))
    with pytest.raises(UserError, match=r'gone\.png.*cannot be read'):
        convert_via(path, tmp_path, tmp_path / 'coco.json')
    path.write_text('{"images": []}')
    with pytest.raises(UserError, match='is no VIA export'):
        convert_via(path, tmp_path, tmp_path / 'coco.json')


# labelme


def labelme_shape(label='cat', points=((5, 4), (15, 4), (15, 24), (5, 24)), kind='polygon', group=None):
    return {'label': label, 'points': [list(p) for p in points], 'shape_type': kind, 'group_id': group, 'flags': {}}


def make_labelme(folder, shapes, stem='foto ü', **changes):
    save_image(folder / f'{stem}.png', noise())
    content = {'version': '5.4', 'imagePath': f'{stem}.png', 'imageData': None, 'imageHeight': H, 'imageWidth': W}
    content.update(shapes=shapes, **changes)
    (folder / f'{stem}.json').write_text(json.dumps(content), encoding='utf-8')


def test_labelme_shapes_and_groups(tmp_path):
    shapes = [
        labelme_shape(),
        labelme_shape('dog', [(20, 5), (30, 15)], 'rectangle', group=1),
        labelme_shape('dog', [(32, 22), (35, 22)], 'circle', group=1),
        labelme_shape('cat', [(1, 1), (4, 1), (4, 3), (1, 3)], 'rectangle', group=1),
    ]
    make_labelme(tmp_path / 'in/sub', shapes)
    builders = convert_labelme(tmp_path / 'in', tmp_path / 'in/out')
    content = load(tmp_path / 'in/out/instances_train.json')
    assert list(builders) == ['train']
    assert content['images'][0]['file_name'] == 'sub/foto ü.png'
    assert [item['name'] for item in content['categories']] == ['cat', 'dog']
    assert [(a['category_id'], len(a['segmentation'])) for a in content['annotations']] == [(1, 1), (2, 2), (1, 1)]
    assert content['annotations'][1]['bbox'] == [20, 5, 15, 20]
    assert content['annotations'][1]['area'] == pytest.approx(100 + np.pi * 9, rel=0.03)
    assert_sound(tmp_path / 'in/out/instances_train.json', tmp_path / 'in', ('cat', 'dog'))
    # A second run must not take its own output for a labelme file.
    convert_labelme(tmp_path / 'in', tmp_path / 'in/out')


def test_labelme_split_and_class_order(tmp_path):
    for i in range(5):
        make_labelme(tmp_path / 'in', [labelme_shape('cat' if i else 'dog')], stem=f'{i}')
    builders = convert_labelme(tmp_path / 'in', tmp_path / 'out', classes=['dog', 'cat'], val_fraction=0.4)
    assert {split: len(b.images) for split, b in builders.items()} == {'train': 3, 'val': 2}
    assert load(tmp_path / 'out/instances_val.json')['categories'] == [
        {'id': 1, 'name': 'dog'},
        {'id': 2, 'name': 'cat'},
    ]


@pytest.mark.parametrize(
    ('shape', 'text'),
    [
        (labelme_shape(kind='linestrip'), 'a linestrip has no area'),
        (labelme_shape(kind='point', points=[(1, 2)]), 'a point has no area'),
        (labelme_shape(points=[(1, 2), (3, 4)]), 'polygon of 2 points'),
        (labelme_shape(kind='circle', points=[(1, 2)]), 'circle of 1 points'),
        (labelme_shape(label=None), 'label is None'),
        ({'label': 'cat', 'points': 'abc', 'shape_type': 'polygon'}, 'pairs of numbers'),
        (labelme_shape(label='bird'), "class 'bird' is not among"),
    ],
)
def test_labelme_wrong_shapes_are_named(tmp_path, shape, text):
    make_labelme(tmp_path, [labelme_shape(), shape])
    with pytest.raises(UserError, match=text):
        convert_labelme(tmp_path, tmp_path / 'out', classes=['cat', 'dog'])


@pytest.mark.parametrize(
    ('changes', 'text'),
    [
        ({'imageHeight': 99}, 'is 40 x 99, the file is 40 x 30'),
        ({'imagePath': None}, 'has no "imagePath"'),
        ({'imagePath': '../outside.png'}, 'lies outside'),
    ],
)
def test_labelme_wrong_files_are_named(tmp_path, changes, text):
    save_image(tmp_path / 'outside.png', noise())
    make_labelme(tmp_path / 'in', [labelme_shape()], **changes)
    with pytest.raises(UserError, match=text):
        convert_labelme(tmp_path / 'in', tmp_path / 'out')


def test_labelme_two_files_of_one_image_are_named(tmp_path):
    make_labelme(tmp_path, [labelme_shape()], stem='a')
    make_labelme(tmp_path, [labelme_shape()], stem='b', imagePath='a.png')
    with pytest.raises(UserError, match='describe the same image'):
        convert_labelme(tmp_path, tmp_path / 'out')


def test_labelme_folder_with_another_json_is_named(tmp_path):
    make_labelme(tmp_path, [labelme_shape()])
    (tmp_path / 'broken.json').write_text('{"shapes": [')
    with pytest.raises(UserError, match=r'broken\.json is not valid JSON'):
        convert_labelme(tmp_path, tmp_path / 'out')
    (tmp_path / 'empty').mkdir()
    with pytest.raises(UserError, match='holds no JSON'):
        convert_labelme(tmp_path / 'empty', tmp_path / 'out')


# Outlines and the scripts


def test_ellipse_outline_has_its_area_and_turns():
    outline = ellipse_outline(50, 40, 20, 5, np.pi / 2)
    assert polygon_area(outline) == pytest.approx(np.pi * 100, rel=0.01)
    assert np.ptp(outline[:, 1]) == pytest.approx(40, abs=0.2)
    assert len(ellipse_outline(1, 1, 0, 5)) == 0


def test_commands_print_what_they_wrote(tmp_path, capsys):
    make_dsb(tmp_path / 'stage1_train')
    make_camvid(tmp_path / 'CamVid')
    via = make_via(tmp_path / 'via', [(VIA_SHAPES['rect'][0], {})])
    make_labelme(tmp_path / 'labelme', [labelme_shape()])
    runs = {
        'dsb2018': (tmp_path / 'stage1_train', '--out-dir', tmp_path / 'o1', '--val-fraction', 0.5, '--plain'),
        'camvid': (tmp_path / 'CamVid', '--out-dir', tmp_path / 'o2'),
        'via': (via, '--out-file', tmp_path / 'o3.json', '--class-name', 'balloon'),
        'labelme': (tmp_path / 'labelme', '--out-dir', tmp_path / 'o4'),
    }
    texts = {
        'dsb2018': 'val: 2 images, 6 instances of 1 classes',
        'camvid': 'train: 2 images, 8.3 % of the pixels void; the tutorial has 367',
        'via': '1 images, 1 instances of 1 classes',
        'labelme': 'train: 1 images, 1 instances',
    }
    for name, args in runs.items():
        assert main(['convert-data', name, *map(str, args)]) == 0
        assert texts[name] in capsys.readouterr().out


def test_a_wrong_folder_is_refused_with_the_message_alone(tmp_path, capsys):
    assert main(['convert-data', 'camvid', str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert error.startswith('error: ')
    assert 'none of the folders train, val, test' in error
    assert 'Traceback' not in error


def test_the_former_name_of_an_option_is_taken_with_a_line(tmp_path, capsys):
    assert main(['convert-data', 'shapes', '--out', str(tmp_path), '--train', '1', '--val', '1', '--size', '32']) == 0
    assert 'deprecated: --out is called --out-dir now' in capsys.readouterr().err
    assert (tmp_path / 'train').is_dir()

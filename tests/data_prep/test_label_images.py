"""Label images and mask files as people have them, and the mistakes in them."""

import io
import struct
import unicodedata

import cv2
import numpy as np
import pytest
from annotation_sets import H, W, masks, picture
from PIL import Image

from mmseg_plugins.data_prep.annotations import ReadOptions
from mmseg_plugins.data_prep.formats import detect_format, read_annotations
from mmseg_plugins.data_prep.label_images import read_label_images
from mmseg_plugins.data_prep.mask_folders import read_mask_folders
from mmseg_plugins.structures.images import save_image
from mmseg_plugins.utils.errors import UserError

ONE = ReadOptions(class_name='cell')


def numbers(seed=0, first=1, background=0):
    values = np.full((H, W), background, np.int64)
    for number, mask in enumerate(masks(seed), start=first):
        values[mask] = number
    return values


def make(folder, names=('a',), layout='images/{}.png masks/{}.png', values=None, dtype=np.uint16):
    image, label = layout.split(' ')
    for seed, name in enumerate(names):
        save_image(folder / image.format(name), picture(seed))
        save_image(folder / label.format(name), (numbers(seed) if values is None else values).astype(dtype))
    return folder


def write_tiff_of_uint32(path, values):
    """An uncompressed TIFF of one strip; not every OpenCV writes unsigned 32 bits."""
    height, width = values.shape
    entries = [(256, width), (257, height), (258, 32), (259, 1), (262, 1), (273, 8), (277, 1), (278, height),
               (279, 4 * values.size), (339, 1)]  # tag, value; 339: unsigned
    data = values.astype('<u4').tobytes()
    directory = struct.pack('<H', len(entries)) + b''.join(struct.pack('<HHII', tag, 4, 1, value)
                                                           for tag, value in entries) + struct.pack('<I', 0)
    path.write_bytes(struct.pack('<2sHI', b'II', 42, 8 + len(data)) + data + directory)


def found(annotations):
    return [[item.dense(H, W) for item in image.objects] for image in annotations.images()]


def assert_same(annotations, seeds=(0,)):
    for read, seed in zip(found(annotations), seeds, strict=True):
        assert all(np.array_equal(one, other) for one, other in zip(read, masks(seed), strict=True))


@pytest.mark.parametrize('layout', [
    'images/{}.png masks/{}.png',  # StarDist
    'train/images/{}.PNG train/masks/{}.TIF',
    '{}.png {}_masks.png',  # cellpose
    '{}.png {}_cp_masks.tif',
    'img_dir/sub/{}.jpg ann_dir/sub/{}.png',
    'leftImg8bit/val/city/{}_leftImg8bit.png gtFine/val/city/{}_label.png',
])
def test_layouts_of_several_tools_are_matched_by_name(tmp_path, layout):
    names = ('a', 'ab', unicodedata.normalize('NFD', 'é'))
    make(tmp_path, names, layout)
    name, read = read_annotations(tmp_path, 'auto', ONE)
    assert name == 'label-images'
    assert_same(read, (0, 1, 2))
    assert read.classes == ['cell']
    assert list(read.splits) == ['train' if 'val' not in layout else 'val']


def test_names_of_both_unicode_forms_match(tmp_path):
    save_image(tmp_path / 'images' / (unicodedata.normalize('NFC', 'é') + '.png'), picture())
    save_image(tmp_path / 'masks' / (unicodedata.normalize('NFD', 'é') + '.png'), numbers().astype(np.uint8))
    assert_same(read_label_images(tmp_path, ONE))


@pytest.mark.parametrize(('dtype', 'suffix', 'first'), [
    (np.uint8, 'png', 1), (np.uint16, 'png', 60000), (np.uint16, 'tif', 300), (np.int32, 'tif', 100000),
    (np.float32, 'tif', 7)])
def test_numbers_of_8_16_and_32_bits_are_read(tmp_path, dtype, suffix, first):
    make(tmp_path, layout='images/{}.png masks/{}.' + suffix, values=numbers(first=first), dtype=dtype)
    assert_same(read_label_images(tmp_path, ONE))


def test_unsigned_numbers_of_32_bits_are_read(tmp_path):
    make(tmp_path)
    (tmp_path / 'masks/a.png').unlink()
    write_tiff_of_uint32(tmp_path / 'masks/a.tif', numbers(first=70000))
    assert_same(read_label_images(tmp_path, ONE))


def save_with_pillow(path, image):
    stream = io.BytesIO()
    image.save(stream, path.suffix[1:])
    path.write_bytes(stream.getvalue())


def test_palette_images_and_gray_in_three_channels_are_read_by_their_numbers(tmp_path):
    make(tmp_path, ('a', 'b'))
    palette = Image.fromarray(numbers(0).astype(np.uint8), 'L').convert('P')
    palette.putpalette([0, 0, 0, 9, 80, 7, 200, 3, 3, 30, 30, 250] + [0] * 756)
    indexed = Image.fromarray(numbers(0).astype(np.uint8))
    indexed.putpalette(palette.getpalette())
    save_with_pillow(tmp_path / 'masks/a.png', indexed)
    save_image(tmp_path / 'masks/b.png', np.dstack([numbers(1).astype(np.uint8)] * 3))
    read = read_label_images(tmp_path, ONE)
    assert_same(read, (0, 1))
    assert read.counts['palette images read by their numbers'] == 1


def test_another_background_is_asked_for_and_taken(tmp_path):
    make(tmp_path, values=numbers(background=255))
    with pytest.raises(UserError, match=r'background 0 is in no label image; 255 covers most.*--background 255'):
        read_label_images(tmp_path, ONE)
    assert_same(read_label_images(tmp_path, ReadOptions(background=[255])))


def test_void_next_to_the_background_is_no_object_either(tmp_path):
    values = numbers()
    values[:3] = 255
    make(tmp_path, layout='JPEGImages/{}.jpg SegmentationObject/{}.png', values=values, dtype=np.uint8)
    assert_same(read_label_images(tmp_path, ReadOptions(background=[0, 255])))


def test_a_negative_background_is_asked_for(tmp_path):
    make(tmp_path, layout='images/{}.png masks/{}.tif', values=numbers(background=-1), dtype=np.int32)
    with pytest.raises(UserError, match=r'holds -1.*--background -1'):
        read_label_images(tmp_path, ONE)
    assert_same(read_label_images(tmp_path, ReadOptions(background=[-1])))


def test_cityscapes_ids_give_classes_crowds_and_splits(tmp_path):
    values = numbers(first=26001)  # cars
    values[:2] = 24  # a group of persons
    values[2:4] = 7  # road
    values[44:] = 29001  # a caravan, which is not evaluated
    make(tmp_path, layout='leftImg8bit/train/x/{}_leftImg8bit.png gtFine/train/x/{}_gtFine_instanceIds.png',
         values=values)
    save_image(tmp_path / 'gtFine/train/x/a_gtFine_color.png', picture())
    name, read = read_annotations(tmp_path, 'auto', ReadOptions(classes=['person', 'car']))
    (image,) = read.images()
    assert name == 'label-images'
    assert [(item.name, item.crowd) for item in image.objects] == [('person', True)] + [('car', False)] * 3
    assert read.classes == ['person', 'car']
    assert read.counts['objects of other classes left out'] == 1
    assert list(read.splits) == ['train']


def test_a_divisor_gives_classes(tmp_path):
    make(tmp_path, values=numbers(first=200))
    with pytest.raises(UserError, match='needs names for the class numbers'):
        read_label_images(tmp_path, ReadOptions(id_divisor=100))
    read = read_label_images(tmp_path, ReadOptions(id_divisor=100, classes=['cat', 'dog']))
    assert {item.name for image in read.images() for item in image.objects} == {'dog'}


def test_one_value_everywhere_is_refused_or_separated(tmp_path):
    make(tmp_path, values=numbers() > 0, dtype=np.uint8)
    with pytest.raises(UserError, match=r'the one value 1.*--separate-parts'):
        read_label_images(tmp_path, ONE)
    (parts,) = found(read_label_images(tmp_path, ReadOptions(separate_parts=True)))
    assert len(parts) >= 4
    assert np.array_equal(np.sum(parts, axis=0), numbers() > 0)


def test_an_image_without_a_label_image_is_counted_and_one_without_an_object_is_kept(tmp_path):
    make(tmp_path, ('a', 'b', 'c'))
    (tmp_path / 'masks/b.png').unlink()
    save_image(tmp_path / 'masks/c.png', np.zeros((H, W), np.uint8))
    read = read_label_images(tmp_path, ONE)
    assert [len(objects) for objects in found(read)] == [3, 0]
    assert read.counts['images without a label image left out'] == 1


def spoil(kind, folder):
    if kind == 'color':
        save_image(folder / 'masks/a.png', picture())
    elif kind == 'jpeg':
        (folder / 'masks/a.png').unlink()
        save_image(folder / 'masks/a.jpg', numbers().astype(np.uint8))
    elif kind == 'names':
        (folder / 'masks/a.png').rename(folder / 'masks/x1.png')
    elif kind == 'size':
        save_image(folder / 'masks/a.png', numbers().astype(np.uint8)[:20])
    elif kind == 'turned':
        save_image(folder / 'masks/a.png', numbers().astype(np.uint8).T)
    elif kind == 'fractions':
        (folder / 'masks/a.png').unlink()
        save_image(folder / 'masks/a.tif', numbers().astype(np.float32) / 2)
    elif kind == 'pages':
        (folder / 'masks/a.png').unlink()
        page = Image.fromarray(numbers().astype(np.uint8))
        page.save(folder / 'masks/a.tif', save_all=True, append_images=[page])
    elif kind == 'broken':
        (folder / 'masks/a.png').write_bytes(b'nothing')
    elif kind == 'twice':
        save_image(folder / 'masks/a.tif', numbers().astype(np.uint8))


@pytest.mark.parametrize(('kind', 'text'), [
    ('color', r'is colored \(3 channels\)'),
    ('jpeg', r'is a JPG, which blurs the numbers'),
    ('names', r"1 label file without an image, such as 'masks/x1\.png'; images are 'images/a\.png'"),
    ('size', r'is 64 x 20, its image images/a\.png 64 x 48'),
    ('turned', 'turned by its EXIF tag'),
    ('fractions', r'holds fractions, such as 0\.5'),
    ('pages', 'holds 2 pages'),
    ('broken', 'cannot be read'),
    ('twice', "belong to the same name 'a'"),
])
def test_wrong_label_images_are_named_in_one_line(tmp_path, kind, text):
    make(tmp_path)
    spoil(kind, tmp_path)
    with pytest.raises(UserError, match=text) as caught:
        read_label_images(tmp_path, ONE)
    assert 'Fix' in str(caught.value)
    assert '\n' not in str(caught.value)


def test_labels_may_lie_elsewhere(tmp_path):
    make(tmp_path / 'x')
    (tmp_path / 'x/masks').rename(tmp_path / 'y')
    (tmp_path / 'x/images').rename(tmp_path / 'z')
    assert_same(read_label_images(tmp_path / 'y', ReadOptions(image_dir=tmp_path / 'z')))


# One mask per file


@pytest.mark.parametrize(('image', 'mask', 'name'), [
    ('images/{}.png', 'masks/{}/{}.png', 'object'),
    ('images/{}.png', 'masks/{}/cat/{}.png', 'cat'),
    ('images/{}.png', 'masks/{}_{}.png', 'object'),
    ('images/{}.png', 'masks/{}_cat_{}.png', 'cat'),
    ('images/{}.png', 'masks/{}_mask_{}.png', 'object'),
    ('{0}/images/{0}.png', '{}/masks/h{}.png', 'object'),  # Data Science Bowl
    ('images/train/{}.jpg', 'masks/train/{}-{}.tif', 'object'),
])
def test_a_mask_per_file_belongs_to_an_image_by_folder_or_name(tmp_path, image, mask, name):
    for seed, stem in enumerate(('a', 'a_b', 'c')):
        save_image(tmp_path / image.format(stem), picture(seed))
        for number, one in enumerate(masks(seed)):
            save_image(tmp_path / mask.format(stem, number), one.astype(np.uint8) * 255)
    assert detect_format(tmp_path, ReadOptions()) == 'masks'
    read = read_mask_folders(tmp_path, ReadOptions())
    assert_same(read, (0, 1, 2))
    assert read.classes == [name]


def make_masks(folder):
    save_image(folder / 'images/a.png', picture())
    for number, one in enumerate(masks(0)):
        save_image(folder / f'masks/a_{number}.png', one.astype(np.uint8) * 255)
    return folder


def test_images_without_a_mask_are_background_and_empty_masks_are_counted(tmp_path):
    make_masks(tmp_path)
    save_image(tmp_path / 'images/b.png', picture())
    save_image(tmp_path / 'masks/a_7.png', np.zeros((H, W), np.uint8))
    read = read_mask_folders(tmp_path, ReadOptions())
    assert [len(objects) for objects in found(read)] == [3, 0]
    assert read.counts['images without a mask taken as background'] == 1
    assert read.counts['empty masks left out'] == 1


def test_gray_edges_are_cut_at_half(tmp_path):
    make_masks(tmp_path)
    soft = cv2.GaussianBlur(masks(0)[0].astype(np.uint8) * 255, (3, 3), 0)
    save_image(tmp_path / 'masks/a_0.png', soft)
    read = read_mask_folders(tmp_path, ReadOptions())
    assert np.array_equal(found(read)[0][0], soft > 127)
    assert read.counts['masks with grey edges cut at half'] == 1


@pytest.mark.parametrize(('name', 'values', 'text'), [
    ('a_0.png', lambda: numbers(), 'holds 4 values, 0 to 3.*--from label-images'),
    ('a_0.jpg', lambda: masks(0)[0] * 255, 'is a JPEG, which blurs its edge'),
    ('a_0.png', lambda: masks(0)[0][:9] * 255, 'is 64 x 9, its image'),
    ('x_0.png', lambda: masks(0)[0] * 255, '1 label file without an image'),
    ('a_0.png', lambda: picture(), 'is colored'),
    ('a_0.png', lambda: masks(0)[0] * 155 + 100, 'holds 100 and 255'),
])
def test_wrong_masks_are_named_in_one_line(tmp_path, name, values, text):
    make_masks(tmp_path)
    (tmp_path / 'masks/a_0.png').unlink()
    save_image(tmp_path / 'masks' / name, np.asarray(values()).astype(np.uint8))
    save_image(tmp_path / 'images/other.png', picture())
    with pytest.raises(UserError, match=text) as caught:
        read_mask_folders(tmp_path, ReadOptions())
    assert '\n' not in str(caught.value)

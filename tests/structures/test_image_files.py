"""Headers of sound, odd and damaged image files."""

import cv2
import numpy as np
import pytest
from coco_sets import write_image
from PIL import Image

from mmseg_plugins.data_check.check_report import DatasetReport, spread
from mmseg_plugins.data_check.coco_check import check_image
from mmseg_plugins.structures.images import missing_files, read_header

ENTRY = {'id': 1, 'width': 60, 'height': 40}


def kinds(tmp_path, name, decode=False):
    report = DatasetReport('train', 'x.json')
    check_image(report, tmp_path, {**ENTRY, 'file_name': name}, decode)
    return dict(report.counts)


@pytest.mark.parametrize('name', ['a.png', 'b.jpg', 'c.bmp', 'd.tiff', 'e.webp', 'größe 図.png'])
def test_sound_files_of_every_format(tmp_path, name):
    write_image(tmp_path / name)
    assert kinds(tmp_path, name, decode=True) == {}
    header = read_header(tmp_path / name)
    assert (header.width, header.height, header.rotated) == (60, 40, False)


@pytest.mark.parametrize('name', ['a.png', 'b.jpg'])
def test_truncated_file_is_found_without_decoding_all(tmp_path, name):
    write_image(tmp_path / name)
    data = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(data[: len(data) // 2])
    assert kinds(tmp_path, name) == {'unreadable_image': 1}


def test_bytes_after_the_end_are_no_damage(tmp_path):
    write_image(tmp_path / 'a.jpg')
    with open(tmp_path / 'a.jpg', 'ab') as stream:
        stream.write(b'\0' * 200)
    assert kinds(tmp_path, 'a.jpg') == {}


@pytest.mark.parametrize('data', [b'', b'hello', b'\xff\xd8\xff', b'\x89PNG\r\n\x1a\n\0\0'])
def test_corrupt_files_are_unreadable(tmp_path, data):
    (tmp_path / 'a.jpg').write_bytes(data)
    assert kinds(tmp_path, 'a.jpg') == {'unreadable_image': 1}


def test_damage_in_the_middle_needs_decoding(tmp_path):
    write_image(tmp_path / 'a.png')
    data = bytearray((tmp_path / 'a.png').read_bytes())
    start = data.index(b'IDAT') + 4
    data[start : start + 8] = b'\0' * 8
    (tmp_path / 'a.png').write_bytes(data)
    assert kinds(tmp_path, 'a.png') == {}
    assert kinds(tmp_path, 'a.png', decode=True) == {'unreadable_image': 1}


def test_sixteen_bits_are_noted_not_refused(tmp_path):
    image = np.full((40, 60), 4000, np.uint16)
    (tmp_path / 'a.png').write_bytes(cv2.imencode('.png', image)[1].tobytes())
    assert kinds(tmp_path, 'a.png') == {'file_header': 1}


def test_grayscale_and_palette_and_cmyk_are_fine(tmp_path):
    gray = Image.fromarray(np.zeros((40, 60), np.uint8))
    gray.save(tmp_path / 'gray.png')
    gray.convert('P').save(tmp_path / 'palette.png')
    gray.convert('CMYK').save(tmp_path / 'cmyk.jpg')
    for name in ('gray.png', 'palette.png', 'cmyk.jpg'):
        assert kinds(tmp_path, name, decode=True) == {}


def test_exif_rotation_counts_as_opencv_loads_it(tmp_path):
    image = Image.fromarray(np.zeros((60, 40, 3), np.uint8))  # stored 40 wide, 60 high
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(tmp_path / 'a.jpg', exif=exif)
    loaded = cv2.imread(str(tmp_path / 'a.jpg'), cv2.IMREAD_COLOR)
    header = read_header(tmp_path / 'a.jpg')
    assert (header.height, header.width) == loaded.shape[:2] == (40, 60)
    assert header.rotated
    assert kinds(tmp_path, 'a.jpg') == {}
    image.save(tmp_path / 'b.jpg')
    assert kinds(tmp_path, 'b.jpg') == {'image_size': 1}


def test_missing_files_and_spread(tmp_path):
    write_image(tmp_path / 'sub/a.png')
    assert list(missing_files(tmp_path, ['sub/a.png', 'sub/b.png', 'none/a.png'])) == [1, 2]
    assert spread(10, 3) == [0, 3, 6]
    assert spread(3, 10) == spread(3, None) == [0, 1, 2]
    assert spread(0, 5) == []


def test_exif_rotation_of_a_png(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 8
    Image.fromarray(np.zeros((60, 40, 3), np.uint8)).save(tmp_path / 'a.png', exif=exif)
    loaded = cv2.imread(str(tmp_path / 'a.png'), cv2.IMREAD_COLOR)
    header = read_header(tmp_path / 'a.png')
    assert (header.height, header.width) == loaded.shape[:2]


def test_link_to_nothing_counts_as_missing(tmp_path):
    (tmp_path / 'a.png').write_bytes(b'x')
    (tmp_path / 'good.png').symlink_to(tmp_path / 'a.png')
    (tmp_path / 'bad.png').symlink_to(tmp_path / 'nowhere.png')
    assert list(missing_files(tmp_path, ['a.png', 'good.png', 'bad.png'])) == [2]

"""Headers of sound, odd and damaged image files."""

import struct
import zlib

import cv2
import numpy as np
import pytest
from coco_sets import write_image
from PIL import Image

from mmseg_plugins.data_check import image_check
from mmseg_plugins.data_check.check_report import DatasetReport, spread
from mmseg_plugins.data_check.coco_check import check_image
from mmseg_plugins.data_check.image_check import ImageOptions, images_to_open, open_image
from mmseg_plugins.structures.image_headers import read_header
from mmseg_plugins.structures.images import decode_file, list_images, missing_files

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


def encoded(path, image):
    path.write_bytes(cv2.imencode(path.suffix, image)[1].tobytes())
    return path


@pytest.mark.parametrize(('name', 'depth'), [
    ('gray.png', 1), ('colored.png', 3), ('alpha.png', 4), ('colored.tif', 3), ('colored.jp2', 3)])
@pytest.mark.parametrize(('dtype', 'bits'), [(np.uint8, 8), (np.uint16, 16)])
def test_bits_of_a_value_are_known_of_gray_and_colored_images(tmp_path, name, depth, dtype, bits):
    path = encoded(tmp_path / name, np.full((40, 60, depth), 200, dtype))
    assert read_header(path, flags=cv2.IMREAD_COLOR).bits == bits
    report = DatasetReport('train', 'x.json')
    assert open_image(report, path, (name, 1, None), loading=cv2.IMREAD_COLOR).width == 60
    assert report.counts == ({'file_header': 1} if bits > 8 else {})
    report.counts.clear()
    open_image(report, path, (name, 1, None), loading=cv2.IMREAD_UNCHANGED)
    assert report.counts == {}


def test_twelve_bits_in_sixteen_are_warned_of_once(tmp_path):
    report = DatasetReport('train', 'x.json')
    for name in ('a.png', 'b.png'):
        encoded(tmp_path / name, np.full((40, 60, 3), 2794, np.uint16))
        open_image(report, tmp_path / name, (name, 1, None), loading=cv2.IMREAD_COLOR)
    assert report.counts == {'file_header': 2}
    (said,) = report.warnings
    assert 'a.png has 16 bits and a maximum of 2794; loading it with 8 bits leaves a maximum of 10 of 255. Fix' in said
    bright = DatasetReport('train', 'x.json')
    encoded(tmp_path / 'c.png', np.full((40, 60, 3), 60000, np.uint16))
    open_image(bright, tmp_path / 'c.png', ('c.png', 1, None), loading=cv2.IMREAD_COLOR)
    assert (bright.warnings, bright.doubtful()) == ([], True)


@pytest.mark.parametrize(('kind', 'name'), [('JPEG', 'a.jpg'), ('PNG', 'a.png'), ('WEBP', 'a.webp'), ('TIFF', 'a.tif')])
@pytest.mark.parametrize('flags', [cv2.IMREAD_COLOR, cv2.IMREAD_GRAYSCALE, cv2.IMREAD_UNCHANGED])
def test_sizes_are_those_that_opencv_loads_with_the_config_s_flags(tmp_path, kind, name, flags):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.zeros((60, 40, 3), np.uint8)).save(tmp_path / name, format=kind, exif=exif)
    header = read_header(tmp_path / name, flags=flags)
    assert (header.height, header.width) == decode_file(tmp_path / name, flags).shape[:2]


@pytest.mark.parametrize('name', ['a.tif', 'a.bmp', 'a.webp', 'a.gif'])
def test_files_whose_end_is_missing_are_found_in_every_format(tmp_path, name):
    noise = np.random.RandomState(0).randint(0, 255, (40, 60, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / name)
    read_header(tmp_path / name, flags=cv2.IMREAD_COLOR)
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:-200])
    with pytest.raises(OSError, match=r'truncated|decoder|cannot decode'):
        read_header(tmp_path / name, flags=cv2.IMREAD_COLOR)


def test_floats_are_read_where_the_config_loads_them_unchanged(tmp_path):
    path = encoded(tmp_path / 'a.tif', np.ones((40, 60, 3), np.float32))
    assert read_header(path, flags=cv2.IMREAD_UNCHANGED).bits == 32
    with pytest.raises(OSError, match=r"cannot make 8 bits of its values \(float32\). Fix: .*color_type='unchanged'"):
        read_header(path, flags=cv2.IMREAD_COLOR)


def test_more_pixels_than_opencv_takes_are_an_error_of_the_file(tmp_path):
    header = struct.pack('>IIBBBBB', 100_000, 100_000, 8, 2, 0, 0, 0)
    chunks = b''.join(struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
                      for kind, data in ((b'IHDR', header), (b'IDAT', zlib.compress(bytes(99))), (b'IEND', b'')))
    (tmp_path / 'a.png').write_bytes(b'\x89PNG\r\n\x1a\n' + chunks)
    assert decode_file(tmp_path / 'a.png') is None
    with pytest.raises(OSError, match='10000000000 pixels'):
        read_header(tmp_path / 'a.png')


def test_all_pixels_of_small_sets_are_read(tmp_path, monkeypatch):
    write_image(tmp_path / 'a.png')
    paths = [tmp_path / 'a.png'] * 3
    assert images_to_open(paths, ImageOptions()) == ([0, 1, 2], True)
    assert images_to_open(paths, ImageOptions(files=False)) == ([], False)
    monkeypatch.setattr(image_check, 'ALL_PIXELS', 100)
    assert images_to_open(paths, ImageOptions(max_headers=2)) == ([0, 1], False)
    assert images_to_open(paths, ImageOptions(max_headers=2, decode=True)) == ([0, 1, 2], True)


def test_folders_are_searched_through_links_and_without_hidden_files(tmp_path):
    root, elsewhere = tmp_path / 'root', tmp_path / 'elsewhere'
    for path in (root / 'a.JPG', root / '._a.jpg', root / '.checkpoints' / 'b.png', root / 'notes.txt', root / 'c.npy',
                 elsewhere / 'd.png', root / 'out' / 'e.png'):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b'1')
    (root / 'linked').symlink_to(elsewhere)
    (root / 'round').symlink_to(root)  # ends nowhere
    (root / 'gone.png').symlink_to(root / 'nothing.png')
    names = [path.relative_to(root).as_posix() for path in list_images(root, [root / 'out'])]
    assert names == ['a.JPG', 'linked/d.png']
    assert len(list_images(root, [root / 'out'], ('.npy',))) == 1

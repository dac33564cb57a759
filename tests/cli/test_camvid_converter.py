"""CamVid's converter on made-up label maps: exact results, and clear errors for wrong ones."""


import cv2
import numpy as np
import pytest
from raw_sets import H, W, make_camvid

from mmseg_plugins.data_prep.camvid import convert_camvid
from mmseg_plugins.structures.images import save_image
from mmseg_plugins.utils.errors import UserError


@pytest.mark.parametrize('lists', [True, False])
@pytest.mark.parametrize('png', [True, False])
def test_camvid_turns_void_into_255_and_writes_images(tmp_path, lists, png):
    root = make_camvid(tmp_path / 'CamVid', lists)
    counts = convert_camvid(root, tmp_path / 'out', png)
    assert {split: count.images for split, count in counts.items()} == {'train': 2, 'val': 1, 'test': 1}
    labels = cv2.imread(str(tmp_path / 'out/ann_dir/train/a.png'), cv2.IMREAD_UNCHANGED)
    expected = np.arange(H * W).reshape(H, W) % 12
    assert (labels == np.where(expected == 11, 255, expected)).all()
    assert counts['train'].void == pytest.approx((expected == 11).mean())
    image, source = (tmp_path / f'out/img_dir/val/c.{"png" if png else "jpg"}'), cv2.imread(str(root / 'val/c.png'))
    if png:
        assert (cv2.imread(str(image)) == source).all()
    else:
        assert image.read_bytes() == cv2.imencode('.jpg', source, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()
    assert len(list((tmp_path / 'out').rglob('*'))) == 2 + 6 + 8  # nothing else, no half-written file


def test_camvid_goes_on_where_it_stood(tmp_path, monkeypatch):
    root = make_camvid(tmp_path / 'CamVid')
    first = convert_camvid(root, tmp_path / 'out')
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / 'out').rglob('*.*')}
    (tmp_path / 'out/ann_dir/train/b.png').unlink()
    second = convert_camvid(root.parent, tmp_path / 'out')  # the folder above is understood as well
    assert [second[split].kept for split in ('train', 'val', 'test')] == [1, 1, 1]
    assert all(second[split].void == first[split].void for split in first)
    changed = {path.name for path, time in times.items() if path.stat().st_mtime_ns != time}
    assert changed == {'b.jpg', 'b.png'}


def test_camvid_follows_its_lists(tmp_path):
    root = make_camvid(tmp_path / 'CamVid')
    (root / 'train.txt').write_text('x/b.png y/b.png\n')
    assert convert_camvid(root, tmp_path / 'out')['train'].images == 1
    (root / 'train.txt').write_text('x/b.png y/b.png\nx/b.png y/b.png\n')
    with pytest.raises(UserError, match=r"twice: \['b.png'\]"):
        convert_camvid(root, tmp_path / 'out')


@pytest.mark.parametrize(
    ('labels', 'text'),
    [
        (np.full((H, W), 12, np.uint8), r'holds the labels \[12\]'),
        (np.zeros((H, W, 3), np.uint8), '3 channels'),
        (np.zeros((9, 9), np.uint8), 'its labels 9 x 9'),
    ],
)
def test_camvid_wrong_labels_are_named(tmp_path, labels, text):
    root = make_camvid(tmp_path / 'CamVid')
    save_image(root / 'trainannot/b.png', labels)
    with pytest.raises(UserError, match=text):
        convert_camvid(root, tmp_path / 'out')


def test_camvid_missing_label_and_wrong_folder_are_named(tmp_path):
    root = make_camvid(tmp_path / 'CamVid')
    (root / 'trainannot/b.png').unlink()
    with pytest.raises(UserError, match=r'trainannot.b\.png does not exist'):
        convert_camvid(root, tmp_path / 'out')
    (tmp_path / 'original/701_StillsRaw_full').mkdir(parents=True)
    with pytest.raises(UserError, match=r'none of the folders train, val, test .*32 coloured classes.*git clone'):
        convert_camvid(tmp_path / 'original', tmp_path / 'out')
    with pytest.raises(UserError, match='the source or above it'):
        convert_camvid(root, tmp_path)
    with pytest.raises(UserError, match='1 to 100, got 0'):
        convert_camvid(root, tmp_path / 'out', quality=0)

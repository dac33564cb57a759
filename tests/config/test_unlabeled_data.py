"""Data variables of a training with unlabeled images: each part gets its own folders, lists and classes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from config_files import ROOT

from mmseg_plugins.config.load import load_config

BASE = ROOT / 'configs/semi_supervised/mean-teacher_lite0-fpn-1of8_1000it-crop160_camvid.py'
THREE_PARTS = ROOT / 'configs/semi_supervised/advsemiseg_r101-1of8_20k-crop321_voc.py'


def read(folder: Path, text: str, base: Path = BASE):
    path = folder / 'child.py'
    path.write_text(f'_base_ = {str(base)!r}\n{text}\n')
    return load_config(path)


def parts(cfg) -> list[tuple]:
    """(root, list, folder of images, folder of maps) of each part."""
    return [(part.data_root, part.get('ann_file'), part.data_prefix.img_path, part.data_prefix.get('seg_map_path'))
            for part in cfg.train_dataloader.dataset.datasets]


def test_the_example_of_the_page_reads_its_own_folders(tmp_path: Path) -> None:
    page = (ROOT / 'docs/few_labels.md').read_text()
    block = next(block for block in re.findall(r'```python\n(.*?)```', page, re.DOTALL) if 'unlabeled_img' in block)
    path = tmp_path / 'page.py'
    path.write_text(block.replace("'configs/", f"'{ROOT}/configs/"))
    cfg = load_config(path)
    assert parts(cfg) == [('data/roads/', None, 'images/labeled', 'maps/labeled'),
                          ('data/roads/', None, 'images/unlabeled', None)]
    assert cfg.train_dataloader.dataset.share == 1
    for part in cfg.train_dataloader.dataset.datasets:
        assert (part.type, part.metainfo.classes, part.img_suffix) == (
            'mmseg.BaseSegDataset', ('asphalt', 'gravel'), '.png')
    assert cfg.model.decode_head.num_classes == 2


def test_without_a_folder_of_their_own_they_are_the_rest_of_the_training_images(tmp_path: Path) -> None:
    cfg = read(tmp_path, "train_img_prefix = 'all'\ntrain_seg_prefix = 'maps'\ntrain_ann_file = 'few.txt'")
    assert parts(cfg) == [('data/camvid/', 'few.txt', 'all', 'maps'), ('data/camvid/', None, 'all', None)]


def test_a_list_of_their_own_is_theirs_alone(tmp_path: Path) -> None:
    cfg = read(tmp_path, "train_ann_file = 'few.txt'\nunlabeled_ann_file = 'rest.txt'")
    assert [part[1] for part in parts(cfg)] == ['few.txt', 'rest.txt']


def test_both_parts_with_maps_follow(tmp_path: Path) -> None:
    cfg = read(tmp_path, "data_root = 'here/'\ntrain_ann_file = 'few.txt'", THREE_PARTS)
    assert parts(cfg) == [
        ('here/', 'few.txt', 'JPEGImages', 'SegmentationClassAug'),
        ('here/', 'ImageSets/Segmentation/trainaug.txt', 'JPEGImages', None),
        ('here/', 'few.txt', 'JPEGImages', 'SegmentationClassAug')]


@pytest.mark.parametrize('option', ['unlabeled_img_prefix', 'train_img_prefix'])
def test_the_command_line_moves_them(option: str) -> None:
    cfg = load_config(BASE, {option: 'elsewhere'})
    moved = [part[2] == 'elsewhere' for part in parts(cfg)]
    assert moved == [option == 'train_img_prefix', True]


def test_a_share_is_set_from_the_command_line() -> None:
    assert load_config(BASE, {'train_dataloader.dataset.share': 0.5}).train_dataloader.dataset.share == 0.5

"""Images that train, validation and test share are named, by their bytes, whatever the files are called."""

import shutil

import pytest
from damaged_panoptic import panoptic_config, write_toy_panoptic
from toy_runs import detector_config, segmentor_config, write_toy_coco, write_toy_label_maps

from mmseg_plugins.data_check import shared_files
from mmseg_plugins.data_check.check_config import check_config
from mmseg_plugins.data_check.check_report import DatasetReport
from mmseg_plugins.data_check.shared_files import add_shared_files


def reports_of(tmp_path, **sets):
    """Reports of sets ``name=[(file, bytes), ...]``; ``train_1`` is the name train[1]."""
    reports = []
    for name, files in sets.items():
        folder = tmp_path / name
        folder.mkdir()
        for file, data in files:
            (folder / file).write_bytes(data)
        shown = name.replace('_1', '[1]')
        reports.append(DatasetReport(shown, str(folder), paths=[folder / file for file, _ in files]))
    add_shared_files(reports)
    return reports


BIG = bytes(range(256)) * 40


def test_equal_bytes_under_another_name_are_named_in_the_later_split(tmp_path):
    train, val, test = reports_of(
        tmp_path, train=[('a.png', BIG), ('b.png', b'x' * 99)], val=[('c.png', BIG), ('d.png', b'y' * 99)],
        test=[('e.png', b'y' * 99), ('f.png', b'z' * 10)])
    assert (train.warnings, train.notes, val.notes, test.notes) == ([], [], [], [])
    (said,) = val.warnings
    assert said.startswith('1 of the 2 images of val are also in train, byte for byte: c.png is a.png. Rule: scores of '
                           'val are measured on images that training has not seen. Fix: ')
    (said,) = test.warnings
    assert said.startswith('1 of the 2 images of test are also in val, byte for byte: e.png is d.png. Rule: a choice')


def test_parts_of_a_concatenation_count_as_their_split(tmp_path):
    _, second, val = reports_of(tmp_path, train=[('a.png', BIG)], train_1=[('b.png', BIG)], val=[('c.png', BIG)])
    assert second.notes == ['1 of the 1 images are there also in train, byte for byte: b.png is a.png']
    assert [said.split(', ')[0] for said in val.warnings] == [
        '1 of the 1 images of val are also in train', '1 of the 1 images of val are also in train[1]']


def test_an_image_that_is_twice_in_one_set_is_noted(tmp_path, monkeypatch):
    (train,) = reports_of(tmp_path, train=[('a.png', BIG), ('b.png', BIG), ('c.png', b'')])
    assert train.notes == ['1 of the 3 images are there twice, byte for byte: b.png is a.png']
    assert train.warnings == []
    monkeypatch.setattr(shared_files, 'MOST_WITHIN', 2)
    train.notes.clear()
    add_shared_files([train])
    assert train.notes == []


def test_files_of_equal_size_that_differ_outside_of_their_middle_are_no_copies(tmp_path):
    reports = reports_of(tmp_path, train=[('a.png', BIG + b'1')], val=[('b.png', BIG + b'2')])
    assert [report.warnings for report in reports] == [[], []]


def test_only_files_of_equal_size_are_read(tmp_path, monkeypatch):
    read = []
    whole, piece = shared_files._digest, shared_files._piece
    monkeypatch.setattr(shared_files, '_digest', lambda path: read.append(path.name) or whole(path))
    monkeypatch.setattr(shared_files, '_piece', lambda path: read.append(path.name) or piece(path))
    reports_of(tmp_path, train=[('a.png', b'1'), ('b.png', b'22')], val=[('c.png', b'333'), ('d.png', b'x2')])
    assert sorted(read) == ['b.png', 'd.png']


def two_folders(tmp_path, write, rename):
    """Two toy sets, the images of the second under other names."""
    for name in ('one', 'two'):
        write(tmp_path / name, images=2)
    rename(tmp_path / 'two')
    return tmp_path / 'one', tmp_path / 'two'


def renamed_coco(folder):
    text = (folder / 'ann.json').read_text()
    for path in list((folder / 'images').iterdir()):
        path.rename(path.with_name(path.name.replace('toy', 'other')))
    (folder / 'ann.json').write_text(text.replace('toy ', 'other '))


def renamed_maps(folder):
    for path in [*(folder / 'img_dir').iterdir(), *(folder / 'ann_dir').iterdir()]:
        path.rename(path.with_name('other' + path.name))


def renamed_panoptic(folder):
    text = (folder / 'panoptic.json').read_text()
    for path in [*(folder / 'images').iterdir(), *(folder / 'maps').iterdir()]:
        path.rename(path.with_name('other' + path.name))
    (folder / 'panoptic.json').write_text(text.replace('"file_name": "', '"file_name": "other'))


@pytest.mark.parametrize(('config', 'write', 'rename'), [
    (detector_config, write_toy_coco, renamed_coco), (segmentor_config, write_toy_label_maps, renamed_maps),
    (panoptic_config, write_toy_panoptic, renamed_panoptic),
])
def test_every_kind_of_data_is_compared(config, write, rename, tmp_path):
    one, two = two_folders(tmp_path, write, rename)
    cfg = config(one, tmp_path)
    (said,) = [said for report in check_config(cfg, ('train', 'val')) for said in report.warnings]
    assert said.startswith(('train and val read the same files. Rule: ', '2 of the 2 images of val are also in train'))
    other = dict(cfg.val_dataloader.dataset, data_root=str(two))
    cfg.val_dataloader = dict(cfg.val_dataloader, dataset=dict(type='ConcatDataset', datasets=[other]))
    train, val = check_config(cfg, ('train', 'val'))
    assert train.warnings == []
    (said,) = val.warnings
    assert said.startswith('2 of the 2 images of val are also in train, byte for byte: other')
    shutil.rmtree(two)
    write(two, images=4)  # two of them are new
    train, val = check_config(cfg, ('train', 'val'))
    assert val.warnings[0].startswith('2 of the 4 images of val are also in train')


@pytest.mark.parametrize(('config', 'write'), [
    (detector_config, write_toy_coco), (segmentor_config, write_toy_label_maps), (panoptic_config, write_toy_panoptic),
])
def test_a_test_on_the_files_of_the_validation_is_a_note(config, write, tmp_path):
    cfg = config(write(tmp_path / 'set', images=2), tmp_path)
    cfg.test_dataloader, cfg.test_evaluator = cfg.val_dataloader, cfg.val_evaluator
    (report,) = check_config(cfg, ('val', 'test'))
    assert report.warnings == []
    assert 'test reads the same files' in report.notes


def test_the_metric_of_a_test_on_the_files_of_the_validation_is_still_checked(tmp_path):
    cfg = detector_config(write_toy_coco(tmp_path / 'set', images=2), tmp_path)
    write_toy_coco(tmp_path / 'other', images=1)
    cfg.test_dataloader = cfg.val_dataloader
    cfg.test_evaluator = dict(type='CocoMetric', metric='bbox', ann_file=str(tmp_path / 'other' / 'ann.json'))
    (report,) = check_config(cfg, ('val', 'test'))
    assert report.errors[0].startswith('test_evaluator: CocoMetric compares with')


def test_a_part_of_the_files_is_not_compared(tmp_path):
    cfg = segmentor_config(write_toy_label_maps(tmp_path / 'set', images=4), tmp_path)
    cfg.train_dataloader.dataset.indices = [0, 1]
    cfg.val_dataloader.dataset.indices = [2, 3]
    cfg.val_dataloader.dataset.test_mode = True
    assert [report.warnings for report in check_config(cfg, ('train', 'val'))] == [[]]

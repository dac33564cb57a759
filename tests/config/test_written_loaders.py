"""What a file or the command line writes into a loader: its evaluator and heads follow, lists are concatenated."""

import pytest
from config_files import ROOT

from mmseg_plugins.config.load import load_config
from mmseg_plugins.utils.errors import UserError

BASES = ROOT / 'configs/_base_/datasets'
INSTANCES, MAPS = BASES / 'shapes_instance.py', BASES / 'shapes_semantic.py'
HOST_COCO = 'mmdet::_base_/datasets/coco_instance.py'


@pytest.mark.parametrize('base', [INSTANCES, HOST_COCO])
@pytest.mark.parametrize('split', ['val', 'test'])
def test_evaluator_follows_a_loader_that_the_command_line_wrote(base, split, child):
    options = {f'{split}_dataloader.dataset.ann_file': 'o.json', f'{split}_dataloader.dataset.data_root': 'mine/'}
    cfg = load_config(child(base, ''), options)
    assert cfg[f'{split}_evaluator'].ann_file == 'mine/o.json'
    other = 'test' if split == 'val' else 'val'
    assert 'o.json' not in cfg[f'{other}_evaluator'].ann_file
    cfg = load_config(child(base, ''), {**options, f'{split}_evaluator.ann_file': 'p.json'})
    assert cfg[f'{split}_evaluator'].ann_file == 'p.json'


def test_heads_follow_classes_that_the_command_line_wrote_into_a_loader(child):
    base = ROOT / 'configs/quickstart/panet_r18-path_1500it_shapes.py'
    options = {f'{split}_dataloader.dataset.metainfo.classes': ('x', 'y') for split in ('train', 'val', 'test')}
    cfg = load_config(base, options)
    assert cfg.train_dataloader.dataset.metainfo.classes == cfg.val_dataloader.dataset.metainfo.classes == ('x', 'y')
    assert cfg.model.roi_head.mask_head.num_classes == 2


def test_evaluator_follows_a_loader_that_a_child_of_a_host_wrote(child):
    cfg = load_config(child(HOST_COCO, "val_dataloader = dict(dataset=dict(data_root='mine/', ann_file='v.json'))"))
    assert cfg.val_evaluator.ann_file == 'mine/v.json'
    assert cfg.test_evaluator.ann_file == 'data/coco/annotations/instances_val2017.json'


def test_list_of_files_that_the_command_line_writes_into_a_loader_is_a_concatenation(child):
    cfg = load_config(child(INSTANCES, ''), {'train_dataloader.dataset.ann_file': ['a.json', 'b.json']})
    assert [part.ann_file for part in cfg.train_dataloader.dataset.datasets] == ['a.json', 'b.json']
    assert 'ann_file' not in cfg.train_dataloader.dataset


def test_lists_of_folders_of_label_maps_are_concatenated(child):
    text = "train_img_prefix = ['i', 'j']\ntrain_seg_prefix = ['m', 'n']\n"
    cfg = load_config(child(MAPS, text))
    assert [dict(part.data_prefix) for part in cfg.train_dataloader.dataset.datasets] == [
        dict(img_path='i', seg_map_path='m'), dict(img_path='j', seg_map_path='n')]
    assert cfg.val_dataloader.dataset.type != 'ConcatDataset'
    with pytest.raises(UserError, match=r'train: 2 folders \(img_path\) and 1 folders \(seg_map_path\)'):
        load_config(child(MAPS, "train_img_prefix = ['i', 'j']\ntrain_seg_prefix = ['m']"))


@pytest.mark.parametrize(('value', 'words'), [
    ("[['a.json', 'b.json'], 'c.json']", r"\['a\.json', 'b\.json'\] in a list.*Fix: one flat list"),
    ("[3]", 'train: 3 in a list'), ('[]', 'train: 0 annotation files')])
def test_lists_that_name_no_files_are_refused(value, words, child):
    with pytest.raises(UserError, match=words):
        load_config(child(INSTANCES, f'train_ann_file = {value}'))

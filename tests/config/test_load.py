"""Reading configs: data variables reach every place, mistakes are named."""


import json

import pytest
from config_files import ROOT
from mmengine.config import utils as config_utils
from mmengine.registry import MODELS, init_default_scope

from mmseg_plugins.cli.main import main
from mmseg_plugins.config import load as config
from mmseg_plugins.config.load import load_config
from mmseg_plugins.config.walk import leaf_datasets
from mmseg_plugins.engine.runner.hook_switches import SWITCHES
from mmseg_plugins.utils.errors import UserError

SHAPES = ROOT / 'configs/quickstart/panet_r18-path_1500it_shapes.py'


@pytest.fixture
def own_set(tmp_path):
    names = [{'id': 7, 'name': 'zebra'}, {'id': 3, 'name': 'ant'}, {'id': 5, 'name': 'mole'}]
    (tmp_path / 'train.json').write_text(json.dumps({'images': [], 'annotations': [], 'categories': names}))
    return tmp_path


def write(folder, base, **variables):
    path = folder / 'algorithm_parts_settings_own.py'
    lines = [f'_base_ = {str(base)!r}', *(f'{key} = {value!r}' for key, value in variables.items())]
    path.write_text('\n'.join(lines) + '\n')
    return path


def test_variables_of_a_child_reach_loaders_evaluators_and_heads(own_set):
    path = write(own_set, SHAPES, data_root=str(own_set), train_ann_file='train.json', val_ann_file='val.json',
                 train_img_prefix='a/', val_img_prefix='b/', classes=('one', 'two'))  # fmt: skip
    cfg = load_config(path)
    for name, prefix, ann_file in (('train', 'a/', 'train.json'), ('test', 'b/', 'val.json')):
        loader = cfg[f'{name}_dataloader']
        assert loader.dataset.data_root == str(own_set)
        assert loader.dataset.ann_file == ann_file
        assert loader.dataset.data_prefix == {'img': prefix}
        assert loader.dataset.metainfo.classes == ('one', 'two')
    assert cfg.val_evaluator.ann_file == str(own_set / 'val.json')
    assert cfg.model.roi_head.bbox_head.num_classes == cfg.model.roi_head.mask_head.num_classes == 2
    assert 'num_classes' not in cfg.model.rpn_head


def test_classes_left_out_follow_the_order_of_the_json(own_set):
    cfg = load_config(write(own_set, SHAPES, data_root=str(own_set), train_ann_file='train.json', classes=None))
    assert cfg.train_dataloader.dataset.metainfo.classes == ('zebra', 'ant', 'mole')
    assert cfg.model.roi_head.bbox_head.num_classes == 3


def test_explicit_option_wins_over_the_variables():
    cfg = load_config(SHAPES, {'model.roi_head.bbox_head.num_classes': 9})
    assert cfg.model.roi_head.bbox_head.num_classes == 9


def test_data_root_option_moves_every_place_of_our_configs():
    cfg = load_config(SHAPES, {'data_root': 'elsewhere/'})
    assert cfg.train_dataloader.dataset.data_root == 'elsewhere/'
    assert cfg.test_evaluator.ann_file.startswith('elsewhere/')


def test_data_root_option_moves_every_place_of_a_stock_config():
    cfg = load_config('mmdet::mask_rcnn/mask-rcnn_r50_fpn_1x_coco.py', {'data_root': '/big/disk'})
    assert cfg.train_dataloader.dataset.data_root == '/big/disk/'
    assert cfg.val_evaluator.ann_file == '/big/disk/annotations/instances_val2017.json'


def test_mask2former_heads_count_things_and_weigh_no_object_last(own_set):
    base = ROOT / 'configs/panet/examples/mask2former_r50-panetfpn_8xb2-lsj-50e_coco.py'
    path = write(own_set, base, data_root=str(own_set), train_ann_file='train.json', val_ann_file='train.json',
                 train_img_prefix='', val_img_prefix='', classes=('one', 'two'))  # fmt: skip
    cfg = load_config(path)
    head = cfg.model.panoptic_head
    assert (head.num_things_classes, head.num_stuff_classes) == (2, 0)
    assert head.loss_cls.class_weight == [1.0, 1.0, 0.1]


def test_classes_as_a_string_are_refused(own_set):
    with pytest.raises(UserError, match=r"classes = \('cell',\)"):
        load_config(write(own_set, SHAPES, classes='cell'))


def test_missing_file_names_near_ones():
    with pytest.raises(UserError, match=r'did you mean .*panet_r18-path_1500it_shapes'):
        load_config('configs/quickstart/panet_r18-pth_1500it_shapes.py')


def test_broken_python_is_named_with_its_line(tmp_path):
    path = tmp_path / 'broken.py'
    path.write_text('a = 1\nb = (\n')
    with pytest.raises(UserError, match=r'broken\.py cannot be read'):
        load_config(path)


def test_package_that_is_not_installed_is_named(tmp_path):
    path = tmp_path / 'missing.py'
    path.write_text("custom_imports = dict(imports=['no_such_package_here'])\n")
    with pytest.raises(UserError, match='no_such_package_here'):
        load_config(path)


def test_mistyped_option_is_noticed(monkeypatch):
    said = []
    monkeypatch.setattr(config, 'print_log', lambda message, *_: said.append(message))
    load_config(SHAPES, {'train_cfg.max_itres': 3})
    assert any('Did you mean train_cfg.max_iters?' in message for message in said)


@pytest.mark.parametrize(('option', 'said'), [
    ({'max_epochs': 3}, 'set train_cfg.max_epochs=...'),
    ({'base_lr': 0.1}, 'set the keys that took its value'),
    ({'train_cfg.max_epochs': 3}, None),
    ({'data_root': 'data/other'}, None),
    ({'find_unused_parameters': True}, None),
    ({'work_dir': 'here'}, None),
])
def test_option_that_sets_a_variable_of_a_host_is_noticed(option, said, monkeypatch):
    lines = []
    monkeypatch.setattr(config, 'print_log', lambda message, *_: lines.append(message))
    load_config('mmdet::rtmdet/rtmdet_tiny_8xb32-300e_coco.py', option)
    spent = [line for line in lines if 'changes nothing by itself' in line]
    assert [said in line for line in spent] == ([True] if said else [])


def test_every_switch_acts_as_an_option():
    assert set(SWITCHES) <= config._ACTING


@pytest.mark.parametrize(('name', 'content', 'message'), [
    ('README.md', '# no config', 'README.md is no config: its name ends in none of'),
    ('instances.json', '{"images": [], "annotations": []}', 'is a COCO annotation file, not a config'),
])
def test_file_that_is_no_config_is_named(name, content, message, tmp_path):
    (tmp_path / name).write_text(content)
    with pytest.raises(UserError, match=message):
        load_config(tmp_path / name)


def test_leaf_datasets_are_found_inside_wrappers():
    inner = {'type': 'CocoDataset', 'ann_file': 'x'}
    both = {'type': 'ConcatDataset', 'datasets': [inner, dict(inner, ann_file='y')]}
    wrapped = {'type': 'RepeatDataset', 'dataset': both}
    assert [dataset['ann_file'] for dataset in leaf_datasets(wrapped)] == ['x', 'y']


@pytest.mark.parametrize('host', [
    'mmseg::_base_/schedules/schedule_20k.py', 'mmdet::_base_/schedules/schedule_1x.py',
    'mmseg::fcn/fcn_r50-d8_4xb2-40k_cityscapes-512x1024.py'])
def test_configs_of_both_hosts_are_read_directly_and_as_bases(tmp_path, host):
    """On the maintained line mmengine asks for a distribution by a name that mmseg does not have there."""
    leaf = tmp_path / 'leaf.py'
    leaf.write_text(f'_base_ = [{host!r}]\nown = 1\n')
    cfg = load_config(leaf)
    assert cfg.own == 1
    assert cfg.optim_wrapper == load_config(host).optim_wrapper


def test_a_mmseg_base_reaches_the_commands(tmp_path, capsys):
    leaf = tmp_path / 'leaf.py'
    leaf.write_text("_base_ = ['mmseg::_base_/schedules/schedule_20k.py']\n")
    assert main(['print-config', str(leaf)]) == 0
    assert 'max_iters=20000' in capsys.readouterr().out


@pytest.mark.parametrize('name', ['quickstart/panet_r18-path_1500it_shapes.py', '_base_/datasets/shapes_instance.py'])
def test_own_configs_are_found_by_scope_from_any_folder(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'child.py').write_text(f"_base_ = 'mmseg_plugins::{name}'\ndata_root = 'mine/'\n")
    assert load_config('child.py').train_dataloader.dataset.data_root == 'mine/'
    assert load_config(f'mmseg_plugins::{name}').train_dataloader.dataset.data_root == 'data/shapes/'


@pytest.mark.parametrize(
    'name', ['segnet/segnet-basic_16ch_1000it-crop224_camvid.py', 'solo/solo_r18_1500it_shapes.py'])
def test_child_of_an_own_config_by_scope_builds_with_the_hosts_types(name, tmp_path):
    (tmp_path / 'child.py').write_text(f"_base_ = 'mmseg_plugins::{name}'\nmodel = dict(test_cfg=dict())\n")
    cfg = load_config(tmp_path / 'child.py')
    init_default_scope(cfg.default_scope)
    MODELS.build(cfg.model)


def test_metafiles_of_hosts_are_read_once_and_mmengine_stays_as_it_was(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError('mmengine reads a metafile again')

    base = 'mmdet::mask_rcnn/mask-rcnn_r50_fpn_1x_coco.py'
    first = load_config(base)
    monkeypatch.setattr(config_utils, 'load', refuse)
    assert load_config(base).to_dict() == first.to_dict()
    assert config_utils.load is refuse
    with pytest.raises(UserError, match='cannot be read'):
        load_config('mmdet::mask_rcnn/no-such_config.py')
    assert config_utils.load is refuse

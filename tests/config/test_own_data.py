"""Whose data is read: what a file wrote into a loader or an evaluator, else the variables; never somebody else's."""

import json

import pytest
from config_files import ROOT
from mmengine.config import Config

from mmseg_plugins.config.load import load_config, resolve_loaded
from mmseg_plugins.config.variables import test_is_validation as reads_validation
from mmseg_plugins.utils.errors import UserError

BASES = ROOT / 'configs/_base_/datasets'
INSTANCES, MAPS, PANOPTIC = BASES / 'shapes_instance.py', BASES / 'shapes_semantic.py', BASES / 'shapes_panoptic.py'
HOST_COCO, HOST_MAPS = 'mmdet::_base_/datasets/coco_instance.py', 'mmseg::_base_/datasets/ade20k.py'


def parts(loader):
    return [(part.get('data_root'), part.ann_file, part.data_prefix.img) for part in loader.dataset.datasets]


CONCAT = '''
train_dataloader = dict(dataset=dict(_delete_=True, type='RepeatDataset', times=2, dataset=dict(type='ConcatDataset',
    datasets=[dict(type='ClassBalancedDataset', oversample_thr=0.1, dataset=dict(
                  type='CocoDataset', data_root='a/', ann_file='a.json', data_prefix=dict(img='i/'), pipeline=[])),
              dict(type='CocoDataset', ann_file='b.json', data_prefix=dict(img='j/'), pipeline=[])])))
'''


@pytest.mark.parametrize('base', [INSTANCES, BASES / 'coco_instance.py', BASES / 'sbd_instance.py'])
def test_parts_of_a_concatenation_keep_their_files(base, child):
    cfg = load_config(child(base, CONCAT))
    first, second = cfg.train_dataloader.dataset.dataset.datasets
    assert (first.dataset.data_root, first.dataset.ann_file, first.dataset.data_prefix.img) == ('a/', 'a.json', 'i/')
    assert (second.data_root, second.ann_file, second.data_prefix.img) == (cfg.data_root, 'b.json', 'j/')


PATHS = '''
from pathlib import Path
data_root = Path('mine') / 'deep'
train_ann_file = [Path('a.json'), 'b.json']
val_dataloader = dict(dataset=dict(data_prefix=dict(img=Path('v'))))
'''


def test_paths_of_pathlib_are_texts(child):
    cfg = load_config(child(INSTANCES, PATHS))
    assert parts(cfg.train_dataloader) == [('mine/deep', 'a.json', 'train/'), ('mine/deep', 'b.json', 'train/')]
    assert cfg.val_dataloader.dataset.data_prefix.img == 'v'
    assert 'Path' not in cfg
    assert Config.fromstring(cfg.pretty_text, '.py').data_root == 'mine/deep'


def test_a_base_may_be_computed(tmp_path):
    text = f"_base_ = {str(INSTANCES.parent)!r} + '/' + {INSTANCES.name!r}\ndata_root = 'mine/'\n"
    (tmp_path / 'child.py').write_text(text)
    cfg = load_config(tmp_path / 'child.py')
    assert (cfg.train_dataloader.dataset.data_root, cfg.train_dataloader.dataset.ann_file) == (
        'mine/', 'annotations/instances_train.json')


def test_a_list_of_one_file_is_that_file(child):
    cfg = load_config(child(INSTANCES, "train_ann_file = ['a.json']\nval_ann_file = ('v.json',)"))
    assert cfg.train_dataloader.dataset.ann_file == 'a.json'
    assert cfg.val_evaluator.ann_file == 'data/shapes/v.json'


@pytest.mark.parametrize('name', ['classes', 'thing_classes'])
def test_a_set_of_classes_is_refused_as_it_has_no_order(name, child):
    base = INSTANCES if name == 'classes' else PANOPTIC
    with pytest.raises(UserError, match=f'{name} = .* is a set, whose order differs from run to run'):
        load_config(child(base, f"{name} = {{'a', 'b'}}"))


MMDET_STYLE = '''
meta = dict(classes=('balloon',))
train_dataloader = dict(dataset=dict(
    data_root='balloon/', metainfo=meta, ann_file='train.json', data_prefix=dict(img='train/')))
val_dataloader = dict(dataset=dict(
    data_root='balloon/', metainfo=meta, ann_file='val.json', data_prefix=dict(img='val/')))
test_dataloader = val_dataloader
val_evaluator = dict(ann_file='balloon/val.json')
test_evaluator = val_evaluator
'''


@pytest.mark.parametrize('base', [ROOT / 'configs/panet/panet_r50-torchvision-full_2x_coco.py',
                                  ROOT / 'configs/quickstart/panet_r18-path_1500it_shapes.py'])
def test_an_override_as_mmdet_shows_it_wins(base, child):
    cfg = load_config(child(base, MMDET_STYLE))
    for split, file in (('train', 'train'), ('val', 'val'), ('test', 'val')):
        data = cfg[f'{split}_dataloader'].dataset
        assert (data.data_root, data.ann_file, data.data_prefix.img) == ('balloon/', f'{file}.json', f'{file}/')
        assert data.metainfo.classes == ('balloon',)
    assert cfg.val_evaluator.ann_file == cfg.test_evaluator.ann_file == 'balloon/val.json'
    assert cfg.model.roi_head.bbox_head.num_classes == 1


def test_evaluator_follows_the_loader_that_a_child_wrote(child):
    cfg = load_config(child(INSTANCES, "val_dataloader = dict(dataset=dict(data_root='mine/', ann_file='v.json'))"))
    assert cfg.val_evaluator.ann_file == 'mine/v.json'
    assert cfg.test_evaluator.ann_file == 'data/shapes/annotations/instances_val.json'


@pytest.mark.parametrize('text', [
    "test_ann_file = 't.json'\ntest_img_prefix = 't/'",
    "test_dataloader = dict(dataset=dict(ann_file='t.json', data_prefix=dict(img='t/')))",
    "val_ann_file = 'v.json'\ntest_dataloader = dict(dataset=dict(ann_file='t.json', data_prefix=dict(img='t/')))\n"
    "test_evaluator = dict(ann_file='mine/t.json')"])
def test_test_set_is_its_own(text, child):
    cfg = load_config(child(INSTANCES, f"data_root = 'mine/'\n{text}"))
    dataset = cfg.test_dataloader.dataset
    assert (dataset.data_root, dataset.ann_file, dataset.data_prefix.img) == ('mine/', 't.json', 't/')
    assert cfg.test_evaluator.ann_file == 'mine/t.json'
    assert cfg.val_evaluator.ann_file != cfg.test_evaluator.ann_file
    assert not reads_validation(cfg)


@pytest.mark.parametrize('base', [INSTANCES, MAPS, PANOPTIC])
def test_without_a_test_set_the_validation_set_is_tested(base):
    assert reads_validation(load_config(base))


def test_own_validation_set_is_not_tested_on_the_test_set_of_a_base(child):
    middle = child(INSTANCES, "test_ann_file = 't.json'", 'middle.py')
    cfg = load_config(child(middle, "data_root = 'mine/'\nval_ann_file = 'v.json'"))
    assert cfg.test_dataloader.dataset.ann_file == 'v.json'


@pytest.mark.parametrize('base', [INSTANCES, MAPS, PANOPTIC, BASES / 'camvid.py', BASES / 'voc12aug_semantic.py',
                                  HOST_COCO, HOST_MAPS, 'mmdet::_base_/datasets/coco_panoptic.py'])
@pytest.mark.parametrize('way', ['child', 'option'])
def test_data_root_moves_every_config(base, way, child):
    path = child(base, "data_root = 'my data/'" if way == 'child' else '')
    cfg = load_config(path, {'data_root': 'my data/'} if way == 'option' else None)
    for split in ('train', 'val', 'test'):
        assert cfg[f'{split}_dataloader'].dataset.data_root == 'my data/'
    for evaluator in (cfg.val_evaluator, cfg.test_evaluator):
        for metric in evaluator if isinstance(evaluator, list) else [evaluator]:
            assert all(metric[key].startswith('my data/') for key in ('ann_file', 'seg_prefix') if key in metric)


@pytest.mark.parametrize(('base', 'ways'), [
    (INSTANCES, ("val_ann_file = 'x.json'", "val_dataloader = dict(dataset=dict(ann_file='y.json'))")),
    (MAPS, ("data_root = 'x'", "train_dataloader = dict(dataset=dict(data_root='y'))")),
    (INSTANCES, ("classes = ('x',)", "train_dataloader = dict(dataset=dict(metainfo=dict(classes=('y',))))")),
])
def test_two_answers_in_one_file_are_an_error_that_names_both(base, ways, child):
    with pytest.raises(UserError, match=r'(?s)child\.py.*x.*y.*leave out'):
        load_config(child(base, '\n'.join(ways)))


def test_two_answers_on_the_command_line_are_an_error():
    with pytest.raises(UserError, match=r'data_root=x and train_dataloader\.dataset\.data_root=y'):
        load_config(INSTANCES, {'data_root': 'x', 'train_dataloader.dataset.data_root': 'y'})


def test_the_nearest_file_has_the_last_word_in_both_directions(child):
    loader = child(INSTANCES, "train_dataloader = dict(dataset=dict(data_root='loader/'))", 'loader.py')
    variable = child(loader, "data_root = 'variable/'", 'variable.py')
    assert load_config(loader).train_dataloader.dataset.data_root == 'loader/'
    assert load_config(variable).train_dataloader.dataset.data_root == 'variable/'
    again = child(variable, "train_dataloader = dict(dataset=dict(data_root='data/shapes/'))", 'again.py')
    assert load_config(again).train_dataloader.dataset.data_root == 'data/shapes/'
    assert load_config(again, {'data_root': 'option/'}).train_dataloader.dataset.data_root == 'option/'


@pytest.mark.parametrize('copy', ['{{_base_.val_dataloader}}', '_base_.val_dataloader'])
def test_copy_of_a_base_follows_the_variables(copy, child):
    middle = child(BASES / 'coco_instance.py', "data_root = 'mine/'\nval_ann_file = 'v.json'", 'middle.py')
    cfg = load_config(child(middle, f'test_dataloader = {copy}'))
    assert (cfg.test_dataloader.dataset.data_root, cfg.test_dataloader.dataset.ann_file) == ('mine/', 'v.json')


def test_lists_of_files_are_concatenated(tmp_path, child):
    names = {'images': [], 'annotations': [], 'categories': [{'id': 1, 'name': 'ant'}]}
    (tmp_path / 'a.json').write_text(json.dumps(names))
    cfg = load_config(child(INSTANCES, f"data_root = {str(tmp_path)!r}\ntrain_ann_file = ['a.json', 'b.json']\n"
                            "train_img_prefix = ['a/', 'b/']\nclasses = None"))
    root = str(tmp_path)
    assert parts(cfg.train_dataloader) == [(root, 'a.json', 'a/'), (root, 'b.json', 'b/')]
    assert cfg.train_dataloader.dataset.datasets[1].metainfo.classes == ('ant',)


def test_lists_for_a_metric_of_one_file_are_refused(child):
    with pytest.raises(UserError, match=r'val_evaluator: .* reads one annotation file, the val set has 2'):
        load_config(child(INSTANCES, "val_ann_file = ['a.json', 'b.json']"))


def test_lists_need_as_many_folders(child):
    with pytest.raises(UserError, match='train: 2 annotation files and 1 folders'):
        load_config(child(INSTANCES, "train_ann_file = ['a', 'b']\ntrain_img_prefix = ['a/']"))


@pytest.mark.parametrize('first', ['import os', 'import os, sys\nfrom pathlib import Path', 'import numpy as np'])
def test_a_config_may_import_before_its_base(first, tmp_path):
    path = tmp_path / 'imports.py'
    path.write_text(f"{first}\n_base_ = {str(INSTANCES)!r}\ndata_root = str('mi' + 'ne/')\n")
    assert load_config(path).train_dataloader.dataset.data_root == 'mine/'


def test_variables_over_a_host_config_fill_its_loaders(child):
    cfg = load_config(child('mmdet::mask_rcnn/mask-rcnn_r50_fpn_1x_coco.py', '\n'.join([
        "data_root = 'mine/'", "train_ann_file = 'a.json'", "val_ann_file = 'b.json'", "train_img_prefix = 'a/'",
        "val_img_prefix = 'b/'", "classes = ('x', 'y')"])))
    assert (cfg.train_dataloader.dataset.ann_file, cfg.test_dataloader.dataset.data_prefix.img) == ('a.json', 'b/')
    assert cfg.val_evaluator.ann_file == cfg.test_evaluator.ann_file == 'mine/b.json'
    assert cfg.model.roi_head.mask_head.num_classes == 2


def test_label_maps_and_panoptic_data_take_the_same_variables(child):
    maps = load_config(child(MAPS, "train_img_prefix = 'i'\ntrain_seg_prefix = 'm'\ntest_ann_file = 'test.txt'\n"
                             "classes = ('a', 'b')"))
    assert dict(maps.train_dataloader.dataset.data_prefix) == {'img_path': 'i', 'seg_map_path': 'm'}
    assert maps.test_dataloader.dataset.ann_file == 'test.txt'
    assert maps.val_dataloader.dataset.metainfo.classes == ('a', 'b')
    panoptic = load_config(child(PANOPTIC, "val_seg_prefix = 'm'\nval_ann_file = 'p.json'\nthing_classes = ('a',)\n"
                                 "stuff_classes = ('b', 'c')"))
    assert dict(panoptic.val_dataloader.dataset.data_prefix) == {'img': 'val/', 'seg': 'm'}
    assert (panoptic.val_evaluator[0].ann_file, panoptic.val_evaluator[0].seg_prefix) == (
        'data/shapes/p.json', 'data/shapes/m')
    assert len(panoptic.val_evaluator) == 1
    assert panoptic.train_dataloader.dataset.metainfo.classes == ('a', 'b', 'c')


def test_no_mark_stays_in_a_config(child):
    assert '_written_' not in load_config(child(PANOPTIC, CONCAT)).pretty_text
    assert '_written_' not in load_config(child(PANOPTIC, '')).text


def test_config_that_a_host_read_and_changed_is_resolved_once(child):
    path = child(BASES / 'coco_instance.py', "data_root = 'mine/'\nclasses = ('x',)")
    cfg = Config.fromfile(path)
    cfg.val_dataloader.dataset.data_root = 'changed/'
    resolve_loaded(cfg)
    assert cfg.train_dataloader.dataset.data_root == 'mine/'
    assert cfg.val_dataloader.dataset.data_root == 'changed/'
    assert cfg.train_dataloader.dataset.metainfo.classes == ('x',)


def test_one_file_over_several_parts_of_a_base_is_refused(child):
    middle = child(INSTANCES, CONCAT, 'middle.py')
    with pytest.raises(UserError, match='train_dataloader has 2 parts with files of their own'):
        load_config(child(middle, "train_ann_file = 'x.json'"))


def test_resolved_config_of_a_work_folder_reads_the_same(child, tmp_path):
    first = load_config(child(INSTANCES, "train_ann_file = ['a.json', 'b.json']\ntrain_img_prefix = ['a/', 'b/']"))
    first.dump(tmp_path / 'resolved.py')
    again = load_config(tmp_path / 'resolved.py')
    assert parts(again.train_dataloader) == parts(first.train_dataloader)
    assert again.val_evaluator == first.val_evaluator
    assert Config.fromfile(tmp_path / 'resolved.py').train_dataloader == first.train_dataloader


def test_label_maps_with_other_classes_keep_their_numbers(child, tmp_path):
    (tmp_path / 'classes.txt').write_text('road 10 20 30\ntraffic sign 1 2 3\n')
    cfg = load_config(child(HOST_MAPS, f"data_root = {str(tmp_path)!r}\nclasses = 'classes.txt'"))
    dataset = cfg.train_dataloader.dataset
    assert (dataset.type, dataset.img_suffix, dataset.metainfo.classes) == (
        'mmseg.BaseSegDataset', '.jpg', ('road', 'traffic sign'))
    assert dataset.metainfo.palette == [(10, 20, 30), (1, 2, 3)]
    assert [step.reduce_zero_label for step in dataset.pipeline if 'reduce_zero_label' in step] == [False]
    asked = load_config(child(HOST_MAPS, "classes = ('x',)\nreduce_zero_label = True")).train_dataloader.dataset
    assert asked.reduce_zero_label
    assert [step.reduce_zero_label for step in asked.pipeline if 'reduce_zero_label' in step] == [True]


def test_choice_among_a_types_own_classes_stays_with_the_type(child):
    cfg = load_config(child(BASES / 'camvid.py', "classes = ('sky', 'car')"))
    assert cfg.train_dataloader.dataset.type == 'mmseg_plugins.CamVidDataset'


@pytest.mark.parametrize('form', [
    "train_ann_file = val_ann_file = 'mine.json'", "train_ann_file, val_ann_file = 'mine.json', 'mine.json'",
    "train_ann_file: str = 'mine.json'\nval_ann_file: str = 'mine.json'",
    "val_ann_file = 'mine'\nval_ann_file += '.json'"
    "\ntrain_ann_file = val_ann_file", "if True:\n    train_ann_file = val_ann_file = 'mine.json'"])
def test_variables_count_in_every_form_of_assignment(form, child):
    path = child(INSTANCES, form)
    files = [load_config(path)[f'{split}_dataloader'].dataset.ann_file for split in ('train', 'val', 'test')]
    assert files == ['mine.json'] * 3
    cfg = load_config(path, dict(train_ann_file='other.json'))
    assert [cfg[f'{split}_dataloader'].dataset.ann_file for split in ('train', 'val')] == ['other.json', 'mine.json']


@pytest.mark.parametrize('moved', ["data_root = 'mine/'", "train_seg_prefix = val_seg_prefix = 'maps'",
                                   "train_dataloader = dict(dataset=dict(data_root='mine/'))\n"
                                   "val_dataloader = dict(dataset=dict(data_root='mine/'))\n"
                                   "test_dataloader = val_dataloader"])
def test_own_maps_keep_their_numbers_though_a_type_knows_the_names(moved, child):
    """CamVid's type would read road from label 3 and make label 1, the sky of these maps, void."""
    cfg = load_config(child(BASES / 'camvid.py', f"classes = ('road', 'sky')\n{moved}"))
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        assert (loader.dataset.type, loader.dataset.metainfo.classes) == ('mmseg.BaseSegDataset', ('road', 'sky'))


def test_own_maps_in_a_types_numbers_keep_the_type_that_is_written_with_them(child):
    loader = "dict(dataset=dict(type='mmseg_plugins.CamVidDataset', data_root='mine/'))"
    cfg = load_config(child(BASES / 'camvid.py', "classes = ('road', 'sky')\n"
                            f'train_dataloader = {loader}\nval_dataloader = test_dataloader = {loader}'))
    assert cfg.train_dataloader.dataset.type == cfg.val_dataloader.dataset.type == 'mmseg_plugins.CamVidDataset'


def test_class_list_with_a_color_in_some_lines_is_refused(child, tmp_path):
    (tmp_path / 'classes.txt').write_text('road 10 20 30\nsky\n')
    with pytest.raises(UserError, match='1 of its 2 lines have a color'):
        load_config(child(MAPS, f"classes = {str(tmp_path / 'classes.txt')!r}"))


@pytest.mark.parametrize('classes', ["None", "'names.txt'", "('x', 'y')"])
@pytest.mark.parametrize('over', [True, False])
def test_classes_that_a_base_copies_into_its_loaders_follow_the_variable(classes, over, child, tmp_path):
    """Ours write ``metainfo=dict(classes=classes)`` for hosts that read them; a copy of a file may, too."""
    content = {'images': [], 'annotations': [], 'categories': [{'id': 1, 'name': 'x'}, {'id': 2, 'name': 'y'}]}
    (tmp_path / 'train.json').write_text(json.dumps(content))
    (tmp_path / 'names.txt').write_text('x\ny\n')
    text = f"data_root = {str(tmp_path)!r}\ntrain_ann_file = 'train.json'\nclasses = {classes}\n"
    copied = 'train_dataloader = dict(dataset=dict(metainfo=dict(classes=classes)))\n'
    cfg = load_config(child(INSTANCES, text + ('' if over else copied)))
    assert cfg.train_dataloader.dataset.metainfo.classes == cfg.val_dataloader.dataset.metainfo.classes == ('x', 'y')


def test_classes_that_no_file_tells_are_left_to_the_data_set(child, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where no data/shapes was generated
    assert 'classes' not in (load_config(child(INSTANCES, 'classes = None')).train_dataloader.dataset.metainfo or {})


MIX = '''
train_dataloader = dict(dataset=dict(_delete_=True, type='MultiImageMixDataset', pipeline=[], dataset=dict(
    type='CocoDataset', ann_file='a.json', data_prefix=dict(img='i/'), pipeline=[])))
'''


def test_the_data_set_inside_a_mix_of_images_follows_the_variables(child):
    middle = child(INSTANCES, MIX, 'middle.py')
    inner = load_config(middle).train_dataloader.dataset.dataset
    assert (inner.data_root, inner.ann_file, inner.data_prefix.img) == ('data/shapes/', 'a.json', 'i/')
    text = "data_root = 'mine/'\ntrain_ann_file = ['b.json', 'c.json']\ntrain_img_prefix = 'j/'\nclasses = ('x',)"
    mix = load_config(child(middle, text)).train_dataloader.dataset
    assert (mix.type, mix.dataset.type) == ('MultiImageMixDataset', 'ConcatDataset')
    assert [(part.data_root, part.ann_file, part.data_prefix.img, part.metainfo.classes)
            for part in mix.dataset.datasets] == [('mine/', name, 'j/', ('x',)) for name in ('b.json', 'c.json')]


SEMI = 'mmdet::soft_teacher/soft-teacher_faster-rcnn_r50-caffe_fpn_180k_semi-0.1-coco.py'


def test_labeled_and_unlabeled_parts_of_mmdet_follow_root_and_classes_and_keep_their_files(child):
    cfg = load_config(child(SEMI, "data_root = 'mine/'\nclasses = ('x', 'y')\nval_ann_file = 'v.json'"))
    plain = load_config(child(SEMI, ''))
    leaves, before = (one.train_dataloader.dataset.datasets for one in (cfg, plain))
    assert [(leaf.data_root, leaf.metainfo.classes) for leaf in leaves] == [('mine/', ('x', 'y'))] * 2
    assert [leaf.ann_file for leaf in leaves] == [leaf.ann_file for leaf in before]
    assert [leaf.pipeline for leaf in leaves] == [leaf.pipeline for leaf in before]
    assert cfg.model.detector.roi_head.bbox_head.num_classes == 2
    assert cfg.val_evaluator.ann_file == 'mine/v.json'
    with pytest.raises(UserError, match='train_dataloader has 2 parts with files of their own'):
        load_config(child(SEMI, "train_ann_file = 'x.json'"))


def test_options_reach_parts_of_a_concatenation_by_their_number(child):
    key = 'train_dataloader.dataset.dataset.datasets'
    cfg = load_config(child(INSTANCES, CONCAT), {
        f'{key}.1.ann_file': 'c.json', f'{key}.0.dataset.data_prefix.img': 'k/', 'data_root': 'mine/'})
    first, second = cfg.train_dataloader.dataset.dataset.datasets
    assert (first.dataset.ann_file, first.dataset.data_prefix.img) == ('a.json', 'k/')
    assert (second.data_root, second.ann_file) == ('mine/', 'c.json')
    made = load_config(child(INSTANCES, "train_ann_file = ['a.json', 'b.json']"),
                       {'train_dataloader.dataset.datasets.1.ann_file': 'c.json'})
    assert [part.ann_file for part in made.train_dataloader.dataset.datasets] == ['a.json', 'c.json']
    with pytest.raises(UserError, match=r'datasets\.7\.ann_file does not fit'):
        load_config(child(INSTANCES, CONCAT), {f'{key}.7.ann_file': 'c.json'})

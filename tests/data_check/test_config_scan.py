"""Data sets inside wrappers, class numbers of all heads, and how classes may be written."""

import re

import pytest
from coco_sets import dataset_config, sound_content, write_set
from mmengine.config import Config

from mmseg_plugins.config.classes import read_classes
from mmseg_plugins.config.walk import named_datasets
from mmseg_plugins.data_check.check_config import check_config, dataset_kind
from mmseg_plugins.data_check.config_scan import class_number_problems, configured_classes
from mmseg_plugins.utils.errors import UserError


def test_wrappers_are_opened():
    leaf = {'type': 'CocoDataset'}
    wrapped = {'type': 'MultiImageMixDataset', 'dataset': {'type': 'RepeatDataset', 'dataset': leaf}}
    both = {'type': 'ConcatDataset', 'datasets': [wrapped, leaf]}
    assert [name for name, _ in named_datasets(both, 'train')] == ['train[0]', 'train[1]']
    assert list(named_datasets(wrapped, 'train')) == [('train', leaf)]


def host_model(path):
    return Config.fromstring(f'_base_ = [{path!r}]', '.py').model


MODELS = {
    'mask-rcnn': ('mmdet::mask_rcnn/mask-rcnn_r50_fpn_1x_coco.py', 2),
    'cascade': ('mmdet::cascade_rcnn/cascade-mask-rcnn_r50_fpn_1x_coco.py', 4),
    'htc': ('mmdet::htc/htc_r50_fpn_1x_coco.py', 6),
    'solov2': ('mmdet::solov2/solov2_r50_fpn_1x_coco.py', 1),
    'mask2former': ('mmdet::mask2former/mask2former_r50_8xb2-lsj-50e_coco.py', 3),
    'pointrend': ('mmdet::point_rend/point-rend_r50-caffe_fpn_ms-1x_coco.py', 3),
    'yolact': ('mmdet::yolact/yolact_r50_1xb8-55e_coco.py', 2),
}


@pytest.mark.parametrize('name', MODELS)
def test_every_head_of_stock_models_is_found(name):
    path, heads = MODELS[name]
    model = host_model(path)
    assert class_number_problems(model, [f'c{i}' for i in range(80)]) == []
    problems = class_number_problems(model, ('cat', 'dog'))
    assert len(problems) == heads
    assert all('Fix' in problem for problem in problems)


def test_panoptic_heads_count_things_and_stuff_apart():
    model = host_model('mmdet::mask2former/mask2former_r50_8xb2-lsj-50e_coco-panoptic.py')
    names = [f'c{i}' for i in range(133)]
    assert class_number_problems(model, names, 80, 53) == []
    paths = [problem.split(' ')[0] for problem in class_number_problems(model, names[:7], 5, 2)]
    assert sorted(paths) == [
        'model.panoptic_fusion_head.num_stuff_classes',
        'model.panoptic_fusion_head.num_things_classes',
        'model.panoptic_head.loss_cls.class_weight',
        'model.panoptic_head.num_stuff_classes',
        'model.panoptic_head.num_things_classes',
    ]


def test_semantic_heads_are_found():
    model = {
        'decode_head': {'num_classes': 19},
        'auxiliary_head': [{'num_classes': 19}],
        'backbone': {'num_classes': 1000},
    }
    assert len(class_number_problems(model, ['a'] * 11)) == 2
    assert class_number_problems(model, ['a'] * 19) == []


def test_message_names_the_head_the_numbers_and_the_classes():
    (problem,) = class_number_problems({'bbox_head': [{'num_classes': 80}]}, ('cat', 'dog'))
    assert problem.startswith('model.bbox_head[0].num_classes = 80, the data has 2 classes (cat, dog)')
    assert class_number_problems({'mask_head': {'num_classes': 80, 'class_agnostic': True}}, ('cat',)) == []


@pytest.mark.parametrize(('metainfo', 'words'), [
    (dict(CLASSES=('a',)), "CLASSES = .*'a'.*ignore"), (dict(classes=('a',), CLASSES=('b',)), 'CLASSES'),
    (dict(classes={'a', 'b'}), 'a set'), (dict(classes=(1, 2)), "Fix: '1'"),
    (dict(classes=('a', None)), "Fix: 'None'"),
    (dict(classes=('a', 'b', 'a')), "'a' twice")])
def test_classes_that_mean_nothing_certain_are_refused(metainfo, words):
    classes, problem = configured_classes(dict(metainfo=metainfo), dict(classes=('x',)))
    assert classes == ()
    assert re.search(words, problem)


def test_ways_to_write_classes(tmp_path):
    (tmp_path / 'names.txt').write_text('cat\ndog')
    assert configured_classes({'metainfo': {'classes': ['a', 'b']}}, {}) == (('a', 'b'), None)
    assert configured_classes({}, {'classes': ('x',)}) == (('x',), None)
    assert configured_classes({'metainfo': {'classes': str(tmp_path / 'names.txt')}}, {}) == (('cat', 'dog'), None)
    assert "Fix: classes = ('nucleus',)" in configured_classes({'metainfo': {'classes': 'nucleus'}}, {})[1]
    assert 'CLASSES' in configured_classes({'metainfo': {'CLASSES': ('a',)}}, {'classes': ('x',)})[1]


def test_read_classes_follows_the_json_whatever_the_ids(tmp_path):
    content = sound_content()
    content['categories'] = [{'id': 9, 'name': 'zebra'}, {'id': 2, 'name': 'ape'}]
    assert read_classes(write_set(tmp_path, content)) == ('zebra', 'ape')
    (tmp_path / 'bad.json').write_text('{"categories": [')
    with pytest.raises(UserError, match=r'line 1, column 17'):
        read_classes(tmp_path / 'bad.json')
    (tmp_path / 'bad.json').write_text('{"categories": []}')
    with pytest.raises(UserError, match='has no list "categories"'):
        read_classes(tmp_path / 'bad.json')


def config(root, train=None, **changes):
    """A config with train, val and test loaders; val and test are the same."""
    val = dataset_config(root, 'val')
    return Config({
        'default_scope': 'mmdet',
        'model': {'roi_head': {'bbox_head': {'num_classes': 2}, 'mask_head': {'num_classes': 2}}},
        'train_dataloader': {'dataset': train or dataset_config(root)},
        'val_dataloader': {'dataset': val},
        'test_dataloader': {'dataset': val},
        'val_evaluator': {'type': 'mmseg_plugins.FastCocoMetric', 'metric': ['bbox', 'segm']},
        'test_evaluator': {'type': 'mmseg_plugins.FastCocoMetric', 'metric': ['bbox', 'segm']},
        **changes,
    })  # fmt: skip


@pytest.fixture
def root(tmp_path):
    for split in ('train', 'val'):
        write_set(tmp_path, sound_content(), split)
    return tmp_path


def test_sound_config_has_no_problem_and_equal_sets_are_read_once(root):
    reports = check_config(config(root, train={'type': 'RepeatDataset', 'times': 2, 'dataset': dataset_config(root)}))
    assert [report.name for report in reports if report.kept_images] in (['train', 'val'], ['train', 'val', 'test'])
    assert [problem for report in reports for problem in report.problems()] == []


def test_wrong_head_and_misspelt_class_are_both_reported(root):
    wrong = dataset_config(root, metainfo={'classes': ('dgo', 'cat')})
    model = {'roi_head': {'bbox_head': {'num_classes': 80}}}
    problems = check_config(config(root, train=wrong, model=model), ['train'])[0].problems()
    assert len(problems) == 2
    assert "'dgo' (did you mean 'dog'?)" in problems[0]
    assert 'model.roi_head.bbox_head.num_classes = 80' in problems[1]


def test_class_that_one_of_two_training_files_lacks_is_fine_and_one_that_all_lack_is_not(root):
    content = sound_content()
    content['categories'] = [{'id': 1, 'name': 'whale'}, {'id': 2, 'name': 'dog'}]
    write_set(root, content, 'other')
    classes = {'classes': ('cat', 'dog', 'whale')}
    both = [dataset_config(root, split, metainfo=classes) for split in ('train', 'other')]
    cfg = config(root, train={'type': 'ConcatDataset', 'datasets': both}, model={})
    assert [problem for report in check_config(cfg, ['train']) for problem in report.problems()] == []
    classes['classes'] = ('cat', 'dog', 'whale', 'zebra')
    cfg = config(root, train={'type': 'ConcatDataset', 'datasets': both}, model={})
    (problem,) = [problem for report in check_config(cfg, ['train']) for problem in report.problems()]
    assert "'zebra' is a category of no training file" in problem


def test_validation_in_another_order_or_without_a_class_is_fine(root):
    content = sound_content()
    content['categories'] = [{'id': 2, 'name': 'dog'}]
    content['annotations'] = [ann for ann in content['annotations'] if ann['category_id'] == 2]
    write_set(root, content, 'val')
    reports = check_config(config(root), ['train', 'val'])
    assert [problem for report in reports for problem in report.problems()] == []
    assert any("no category of the classes ('cat')" in note for note in reports[1].notes)


def test_unchecked_kinds_say_so(root):
    for changes in (
        {'type': 'mmdet.LVISV1Dataset'},
        {'backend_args': {'backend': 'petrel'}},
        {'type': 'NoSuchDataset'},
    ):
        (report,) = check_config(config(root, train=dataset_config(root, **changes)), ['train'])
        assert report.notes[0].startswith('not checked')
        assert report.problems() == []


def test_kinds_of_host_datasets():
    import mmdet.datasets
    import mmseg.datasets

    assert dataset_kind(mmdet.datasets.CocoDataset) == 'coco'
    assert dataset_kind(mmdet.datasets.CityscapesDataset) == 'coco'
    assert dataset_kind(mmdet.datasets.CocoPanopticDataset) == 'panoptic'
    assert dataset_kind(mmdet.datasets.Objects365V1Dataset) is None
    assert dataset_kind(mmseg.datasets.ADE20KDataset) == 'semantic'


def test_semantic_set_takes_suffixes_from_its_class(root):
    dataset = {
        'type': 'mmseg.ADE20KDataset',
        'data_root': str(root),
        'data_prefix': {'img_path': 'train', 'seg_map_path': 'annotations'},
        'img_suffix': '.png',
    }
    (report,) = check_config(config(root, train=dataset, model={'decode_head': {'num_classes': 19}}), ['train'])
    texts = report.problems()
    assert any('num_classes = 19, the data has 150 classes' in text for text in texts)
    assert report.counts['missing_map'] == 3


def test_heads_and_metrics_ignore_the_label_that_the_data_set_ignores(root):
    from mmseg_plugins.data_check.config_scan import ignored_label_problems

    model = {'decode_head': [{'ignore_index': 254}, {}], 'auxiliary_head': {'ignore_index': 254}}
    texts = ignored_label_problems(model, [{'type': 'mmseg.IoUMetric', 'ignore_index': 254}], 254)
    assert len(texts) == 1
    assert 'model.decode_head ignores the label 255, the data set 254' in texts[0]
    assert 'the evaluator ignores the label 255' in ignored_label_problems({}, {'type': 'IoUMetric'}, 254)[0]

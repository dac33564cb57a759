"""Data sections whose parts are of another kind: said in a sentence, before anything reads them."""

import pytest

from mmseg_plugins.config.shape import check_loaders, check_model_section, check_scope, loader_problem
from mmseg_plugins.utils.errors import UserError

SOUND = dict(type='CocoDataset', data_root='a', ann_file='b.json', data_prefix=dict(img='c', seg=None), pipeline=[
    dict(type='LoadImageFromFile')], metainfo=dict(classes=('x', 'y')))


@pytest.mark.parametrize(('changes', 'words'), [
    (dict(data_root=2024), "data_root = '2024'"), (dict(ann_file=['a.json', 'b.json']), 'ann_file'),
    (dict(data_prefix=dict(img=1)), "img = '1'"), (dict(data_prefix='images/'), 'data_prefix=dict'),
    (dict(type=None), 'dataset.type = None'), (dict(type=['CocoDataset']), 'the name of a data set'),
    (dict(metainfo='classes.txt'), 'metainfo=dict(classes='), (dict(metainfo=dict(classes=2)), 'a list of names'),
    (dict(img_suffix=None), 'img_suffix = None'), (dict(pipeline='train_pipeline'), 'a list of steps'),
    (dict(pipeline=[dict(type='LoadImageFromFile'), dict(scale=2)]), 'pipeline[1]'),
    (dict(pipeline=['LoadImageFromFile']), "pipeline[0] = 'LoadImageFromFile'"),
    (dict(reduce_zero_label='False'), 'without quotes')])
def test_parts_of_a_data_set_are_texts_dicts_and_lists(changes, words):
    assert loader_problem('train_dataloader', dict(dataset=SOUND)) is None
    for dataset in ({**SOUND, **changes}, dict(type='RepeatDataset', times=2, dataset={**SOUND, **changes})):
        problem = loader_problem('train_dataloader', dict(dataset=dataset))
        assert words in problem
        assert problem.startswith('train_dataloader.dataset')
        assert 'Rule: ' in problem
        assert 'Fix: ' in problem


@pytest.mark.parametrize(('loader', 'words'), [
    ('loader', 'a dict, or None'), (dict(), 'dataset = None'), (dict(dataset='coco'), "dataset = 'coco'"),
    (dict(dataset=SOUND, sampler='DefaultSampler'), 'sampler'), (dict(dataset=SOUND, batch_sampler=7), 'batch_sampler'),
    (dict(dataset=SOUND, batch_size=None), 'batch_size = 2')])
def test_parts_of_a_loader_are_dicts(loader, words):
    with pytest.raises(UserError, match='Fix: ') as error:
        check_loaders(dict(val_dataloader=loader))
    assert words in str(error.value)


def test_what_is_built_already_or_absent_is_none_of_this_check():
    class Loader:
        pass

    check_loaders(dict(train_dataloader=Loader(), val_dataloader=None))
    check_loaders(dict(test_dataloader=dict(dataset=Loader(), sampler=Loader(), batch_size=None, batch_sampler={})))


@pytest.mark.parametrize('model', ['EncoderDecoder', 7, [dict(type='EncoderDecoder')]])
def test_a_model_is_a_dict(model):
    check_model_section(dict(model=dict(type='EncoderDecoder')))
    check_model_section({})
    with pytest.raises(UserError, match=r'model = .*Fix: '):
        check_model_section(dict(model=model))


@pytest.mark.parametrize(('part', 'value'), [
    ('backbone', 'ResNet'), ('data_preprocessor', [dict()]), ('decode_head', 7), ('test_cfg', 'slide'),
    ('data_preprocessor', dict(size=512)), ('data_preprocessor', dict(size=(512, None))),
    ('data_preprocessor', dict(mean=127.0)), ('data_preprocessor', dict(mean=[127.0, float('nan'), 127.0])),
    ('data_preprocessor', dict(std=[58.0, 0, 58.0])), ('data_preprocessor', dict(std=['58', '58', '58']))])
def test_parts_of_a_model_are_dicts_and_pixels_are_divided_by_numbers_above_0(part, value):
    check_model_section(dict(model=dict(data_preprocessor=dict(mean=[0, 0.5], std=(1, 2)), decode_head=[dict()])))
    with pytest.raises(UserError, match=rf'model\.{part}.* = .*Fix: '):
        check_model_section(dict(model={part: value}))


def test_a_scope_is_a_name():
    check_scope(dict(default_scope='mmdet'))
    check_scope({})
    with pytest.raises(UserError, match='default_scope=7'):
        check_scope(dict(default_scope=7))

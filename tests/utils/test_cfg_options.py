"""--cfg-options reads what mmengine reads, and keeps spaces."""

import argparse

import pytest
from mmengine.config import DictAction

from mmseg_plugins.utils.cfg_options import CfgOptions, parse_value


def parsed(*arguments, action=CfgOptions):
    parser = argparse.ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=action)
    return parser.parse_args(arguments).cfg_options


@pytest.mark.parametrize('text', [
    '3', '-1.5e-3', 'true', 'False', 'None', 'none', '', 'data/x', '1,2,3', 'a,b', '[a,b]', '(1,2)', '[1]', '(1,)',
    '[]', '()', '[(1,2),[a,b],c]', '[(type,Resize),(scale,(3,4))]', "'quoted'", '"[1,2]"', "['a','b']", 'x=y',
    '[1,[2,[3]]]', 'a)b', '[half', '1,', '[None,true]',
])
def test_what_has_no_spaces_reads_as_in_mmengine(text):
    arguments = ('--cfg-options', f'key.sub={text}')
    assert parsed(*arguments) == parsed(*arguments, action=DictAction)


@pytest.mark.parametrize(('text', 'value'), [
    ('a b', 'a b'),
    ('my data/new set/', 'my data/new set/'),
    ("bob's data", "bob's data"),
    ('data (old)/', 'data (old)/'),
    ('[traffic light, stop sign]', ['traffic light', 'stop sign']),
    ('( 1, 2 )', (1, 2)),
    ('traffic light,car', ['traffic light', 'car']),
    ('["a, b", c]', ['a, b', 'c']),
    ('"a, b"', 'a, b'),
    ('[1], [2]', [[1], [2]]),
])
def test_spaces_inside_a_text_are_kept(text, value):
    assert parse_value(text) == value
    assert parsed('--cfg-options', f'key={text}') == {'key': value}


@pytest.mark.parametrize(('argument', 'value'), [
    ('data_root=2024', '2024'), ('train_img_prefix=01', '01'), ('train_dataloader.dataset.data_prefix.img=007', '007'),
    ('classes=[1,"2"]', ['1', '2']), ('val_ann_file=None', None), ('train_ann_file=1,2', ['1', '2']),
    ('num_classes=2', 2), ('load_from=true', 'true')])
def test_names_of_files_folders_and_classes_stay_texts(argument, value):
    assert list(parsed('--cfg-options', argument).values()) == [value]


def test_options_add_up():
    assert parsed('--cfg-options', 'a=1', 'b.c=2', '--cfg-options', 'a=3') == {'a': 3, 'b.c': 2}


@pytest.mark.parametrize(('argument', 'said'), [
    ('data', 'data: no KEY=VALUE. Fix:'),
    ('=3', '=3: no KEY=VALUE. Fix:'),
    ('a=[1,2', "']' is missing in '[1,2'. Fix:"),
    ('a=1),2', "')' closes nothing in '1),2'. Fix:"),
    ('a=["b,c]', """'"' is missing in '["b,c]'. Fix:"""),
])
def test_argument_that_cannot_be_read_is_a_usage_error(argument, said, capsys):
    with pytest.raises(SystemExit) as stopped:
        parsed('--cfg-options', argument)
    assert stopped.value.code == 2
    assert said in capsys.readouterr().err

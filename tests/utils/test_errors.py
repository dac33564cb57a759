"""The error of a user's mistake: its parts, its message, and the kinds that code tells apart."""

import pickle

import pytest

from mmseg_plugins.config.build_errors import UnknownTypeError
from mmseg_plugins.utils.atomic import DiskFullError
from mmseg_plugins.utils.errors import UserError


def test_the_message_has_value_problem_rule_and_fix_in_this_order():
    error = UserError('is no device', value='cuda:7', rule='there is none.', fix='--device cpu')
    assert str(error) == "'cuda:7' is no device Rule: there is none. Fix: --device cpu"
    assert (error.value, error.problem, error.rule, error.fix) == (
        'cuda:7', 'is no device', 'there is none.', '--device cpu')


def test_parts_that_are_not_given_leave_no_trace():
    assert str(UserError('the folder is empty')) == 'the folder is empty'
    assert str(UserError('two lines:\n  a\n', fix='b')) == 'two lines:\n  a\nFix: b'


def test_a_value_of_none_is_a_value():
    assert str(UserError('is no number', value=None)) == 'None is no number'


@pytest.mark.parametrize(('kind', 'other'), [(UnknownTypeError, KeyError), (DiskFullError, OSError)])
def test_kinds_that_hosts_catch_keep_message_and_parts(kind, other):
    with pytest.raises(other) as caught:
        raise kind('first\nsecond.', fix='third')
    assert str(caught.value) == 'first\nsecond. Fix: third'
    assert isinstance(caught.value, UserError)
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.fix) == ('first\nsecond. Fix: third', 'third')

"""The scope that a config is read in."""

import pytest
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.registry import DefaultScope

from mmseg_plugins.config.scope import enter_scope, enter_scope_of


def current() -> str:
    scope = DefaultScope.get_current_instance()
    assert scope is not None
    return str(scope.scope_name)


@pytest.mark.parametrize('scopes', [('mmseg', 'mmdet', 'mmseg', 'mmseg'), ('mmdet', 'mmseg', 'mmdet')])
def test_each_change_holds_and_prints_nothing(scopes, capsys):
    MMLogger.get_instance('mmengine')  # what mmengine warns through
    for scope in scopes:
        enter_scope(scope)
        assert current() == scope
    assert capsys.readouterr() == ('', '')


def test_a_config_without_a_scope_is_of_mmdet():
    enter_scope_of(Config(dict(default_scope='mmseg')))
    assert current() == 'mmseg'
    enter_scope_of(Config(dict()))
    assert current() == 'mmdet'

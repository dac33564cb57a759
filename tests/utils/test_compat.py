"""The stack's versions: too old raises with the fix, too new only warns, two lines at once are told."""

import warnings

import pytest

from mmseg_plugins.utils import compat

TESTED = {'torch': '2.13.0', 'mmengine': '0.10.7', 'mmcv': '2.1.0', 'mmdet': '3.3.0', 'mmsegmentation': '1.2.2'}


@pytest.fixture
def installed(monkeypatch):
    versions = dict(TESTED)
    monkeypatch.setattr(compat, 'installed_version', lambda name: versions.get(name))
    return versions


def test_tested_versions_say_nothing(installed):
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        compat.check_stack()


def test_onedl_line_alone_says_nothing(installed):
    for name in ('mmengine', 'mmcv', 'mmdet', 'mmsegmentation'):
        del installed[name]
    installed.update({'onedl-mmengine': '0.10.12', 'onedl-mmcv': '2.3.6', 'onedl-mmdetection': '3.5.1',
                      'onedl-mmsegmentation': '1.4.2'})  # fmt: skip
    assert compat.stack_problems() == ([], [])


@pytest.mark.parametrize(('name', 'version'), [('mmcv', '2.0.1'), ('mmdet', '3.2.0'), ('torch', '1.13.1+cu117')])
def test_version_below_the_minimum_raises_with_the_fix(installed, name, version):
    installed[name] = version
    with pytest.raises(ImportError) as raised:
        compat.check_stack()
    assert f'{name} {version} is older' in str(raised.value)
    assert f'Fix: pip install "{name}>=' in str(raised.value)


def test_missing_package_raises_with_the_fix(installed):
    del installed['mmdet']
    with pytest.raises(ImportError, match=r'mmdet is not installed\. Fix: make setup'):
        compat.check_stack()


def test_version_above_the_tested_one_only_warns(installed):
    installed['mmcv'] = '9.0'
    with pytest.warns(UserWarning, match='mmcv 9.0 is newer'):
        compat.check_stack()


def test_both_lines_at_once_are_told_with_the_fix(installed):
    installed['onedl-mmcv'] = '2.3.6'
    with pytest.warns(UserWarning, match='overwrite each other.*pip uninstall -y mmcv onedl-mmcv'):
        compat.check_stack()

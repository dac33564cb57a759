"""Configs that moved are found under their former paths, and say so."""

import warnings

import pytest
import yaml
from config_files import NAMES, ROOT

from mmseg_plugins.config.load import load_config
from mmseg_plugins.config.renamed import current_path

TABLE = yaml.safe_load((ROOT / 'configs/renamed.yml').read_text())


def test_former_paths_are_gone_and_todays_are_configs():
    assert set(TABLE) & set(NAMES) == set()
    assert set(TABLE.values()) <= set(NAMES)


def test_former_path_is_read_from_its_new_place(monkeypatch):
    former, today = next(iter(TABLE.items()))
    with pytest.warns(FutureWarning, match='is a former name. Fix: write ' + today):
        cfg = load_config(ROOT / former)
    assert cfg.filename == str(ROOT / today)
    monkeypatch.chdir(ROOT)
    with pytest.warns(FutureWarning):
        assert current_path(former) == today


@pytest.mark.parametrize('path', ['mmdet::a/b.py', 'nowhere/configs/a.py', str(ROOT / 'configs/no/such.py'), NAMES[0]])
def test_other_paths_stay_as_they_are(path):
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        assert current_path(path) == path

"""The trained models that the package brings along: small, published, documented, and complete in themselves."""

import re

import numpy as np
import pytest
import torch
from config_files import ROOT

from mmseg_plugins.apis import Predictor
from mmseg_plugins.config.paths import metafile_of
from mmseg_plugins.config.shipped import BUDGET, FOLDER, checked_file, shipped_models
from mmseg_plugins.engine.checkpoint.safe_load import load_checkpoint_file
from mmseg_plugins.reporting.metafiles import read_models
from mmseg_plugins.weights import package_pretrained

MODELS = shipped_models()


def test_every_file_is_the_published_one_and_there_is_no_other():
    assert {checked_file(model).name for model in MODELS.values()} == {path.name for path in FOLDER.glob('*')}
    assert all(model.file.stat().st_size == model.size for model in MODELS.values())


def test_the_header_and_the_table_say_the_same():
    for model in MODELS.values():
        said = load_checkpoint_file(model.file)['meta']
        row = next(row for row in read_models(metafile_of(model.config)) if row.get('Alias') == [model.name])
        result = next(one for one in row['Results'] if one['Dataset'] == row['Weights File']['Dataset'])
        assert (said['name'], said['iteration']) == (model.name, row['Weights File']['Iteration'])
        assert said['metrics'] == result['Metrics']


def test_all_files_together_stay_below_their_limit():
    assert sum(path.stat().st_size for path in FOLDER.glob('*')) <= BUDGET == 12_000_000


def test_pages_name_shipped_models_only():
    """``mmseg-plugins predict NAME photos/`` in a page is a promise."""
    pages = [ROOT / 'README.md', *(ROOT / 'docs').glob('*.md'), *(ROOT / 'configs').rglob('*.md')]
    named = {name for page in pages for command in ('predict', 'test')
             for name in re.findall(rf'mmseg-plugins {command} ([a-z0-9]+(?:-[a-z0-9]+)+)(?=\s|`)', page.read_text())}
    assert named <= set(MODELS)
    assert all(f'`{name}`' in (ROOT / 'docs/pretrained.md').read_text() for name in MODELS)


def test_every_model_predicts_without_the_package_that_its_encoder_started_from(monkeypatch):
    def absent(package):
        pytest.fail(f'the weights of {package} were read')

    monkeypatch.setattr(package_pretrained, 'carried_file', absent)
    for model in MODELS.values():
        predictor = Predictor(model.name, device='cpu')
        assert not any(predictor.report.values())
        assert all(parameter.dtype == torch.float32 for parameter in predictor.model.parameters())
        assert len(predictor.meta['classes']) > 0
        assert predictor(np.zeros((64, 96, 3), np.uint8)).img_shape is not None

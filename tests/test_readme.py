"""The configs that the README shows work as they stand there."""

import re
from pathlib import Path

import pytest
from mmengine.registry import MODELS, init_default_scope

from mmseg_plugins.config.catalog import list_configs, list_systems
from mmseg_plugins.config.load import load_config

ROOT = Path(__file__).resolve().parents[1]
BLOCKS = re.findall(r'```python\n(.*?)```', (ROOT / 'README.md').read_text(), re.DOTALL)


def test_readme_shows_three_kinds_of_own_data_and_four_mixtures():
    assert len(BLOCKS) == 7


@pytest.mark.parametrize('block', BLOCKS, ids=[
    'own data', 'label maps', 'panoptic', 'Mask2Former', 'Cascade', 'stock head', 'CRF'])
def test_config_of_the_readme_builds(block, tmp_path):
    assert block.count('\n') <= 15
    path = tmp_path / 'config.py'
    path.write_text(block.replace("'configs/", f"'{ROOT}/configs/"))
    cfg = load_config(path)
    init_default_scope(cfg.default_scope)
    parts = list(MODELS.build(cfg.model).modules())
    if 'post_process' in cfg:
        parts.append(MODELS.build(cfg.post_process))
    assert any(type(part).__module__.startswith('mmseg_plugins.') for part in parts)


@pytest.mark.parametrize('link', re.findall(r'\]\((?!http)([^)#]+)\)', (ROOT / 'README.md').read_text()))
def test_link_of_the_readme_leads_somewhere(link):
    assert (ROOT / link).exists()


def test_the_readme_names_the_data_that_each_system_has_rows_of():
    readme = (ROOT / 'README.md').read_text()
    rows = re.findall(r'^\|[^|]*\| \[configs/(\w+)\][^|]*\|[^|]*\|([^|]*)\|', readme, re.MULTILINE)
    assert {system for system, _ in rows} == {system.name for system in list_systems()}
    for system, cell in rows:
        measured = {dataset.split('-')[0] for config in list_configs(system) for dataset in config.results}
        assert (system, {name for name in ('nuclei', 'shapes', 'camvid') if name in cell.lower()}) == (system, measured)
        assert ('not yet measured' in cell) == (not measured), system

"""``model-index.yml`` names every metafile, and mmengine's hub finds our configs by it."""

import pytest
import yaml
from config_files import ROOT
from mmengine.hub import get_config

import mmseg_plugins
from mmseg_plugins.reporting.model_index import model_index


def test_the_file_is_the_one_that_is_generated():
    assert (ROOT / 'model-index.yml').read_text() == model_index(ROOT / 'configs')


def test_every_metafile_is_listed_relative_to_the_root(tmp_path):
    for name in ('b', 'a/deep'):
        (tmp_path / 'configs' / name).mkdir(parents=True)
        (tmp_path / 'configs' / name / 'metafile.yml').touch()
    listed = yaml.safe_load(model_index(tmp_path / 'configs'))
    assert listed == dict(Import=['configs/a/deep/metafile.yml', 'configs/b/metafile.yml'])


@pytest.mark.parametrize('name', ['panet/panet_r50-path_2x_coco', 'quickstart/panet_r18-path_1500it_shapes'])
def test_mmengines_hub_finds_a_config(name):
    mmseg_plugins.setup()
    assert get_config(f'mmseg_plugins::{name}.py').model.neck.type == 'mmseg_plugins.PANetFPN'

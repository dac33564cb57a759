"""Panoptic and semantic Mask2Former through the real tools: train, test, infer, without panopticapi."""

import json

import cv2
import numpy as np
import pytest
from test_end_to_end import ROOT, run

from mmseg_plugins.cli.main import main
from mmseg_plugins.structures.panoptic_ids import decode_ids

HEAD = {'panoptic': 'panoptic_head', 'semantic': 'decode_head'}


def options(kind, data):
    """The small config cut down further: 8 channels, one layer of each kind, two iterations on two images."""
    head = HEAD[kind]
    decoder = f'model.{head}.pixel_decoder'
    layers = f'model.{head}.transformer_decoder'
    settings = f'model.{head}.train_cfg' if kind == 'semantic' else 'model.train_cfg'
    return [
        f'data_root={data}/', 'model.backbone.base_channels=8', f'model.{head}.in_channels=[8,16,32,64]',
        f'model.{head}.num_queries=6', f'{decoder}.encoder.num_layers=1', f'{layers}.num_layers=1',
        f'{settings}.num_points=32', *(['model.test_cfg.max_per_image=6'] if kind == 'panoptic' else []),
        'train_dataloader.batch_size=2', 'train_dataloader.num_workers=0', 'train_dataloader.persistent_workers=False',
        'val_dataloader.num_workers=0', 'val_dataloader.persistent_workers=False',
        'test_dataloader.num_workers=0', 'test_dataloader.persistent_workers=False',
        'train_cfg.max_iters=2', 'train_cfg.val_interval=2', 'default_hooks.checkpoint.interval=2',
        'default_hooks.logger.interval=1',
    ]  # fmt: skip


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp('shapes')
    size = ['--train', '4', '--val', '2', '--size', '64']
    assert main(['convert-data', 'shapes', '--out-dir', str(folder / 'data'), *size]) == 0
    return folder / 'data'


@pytest.fixture(scope='module', params=['panoptic', 'semantic'])
def trained(request, data, tmp_path_factory):
    kind = request.param
    folder = tmp_path_factory.mktemp(kind)
    config = ROOT / f'configs/mask2former/mask2former_r18-{kind}_1500it_shapes.py'
    run('tools/train.py', config, '--work-dir', folder, '--cfg-options', *options(kind, data))
    return kind, config, folder, options(kind, data)


def test_training_reports_its_metric_and_pictures_without_a_problem(trained):
    kind, _, folder, _ = trained
    summary = json.loads((folder / 'summary.json').read_text())
    assert summary['problems'] == []
    assert {'panoptic': 'coco_panoptic/PQ', 'semantic': 'mIoU'}[kind] in summary['metrics']['final']
    assert summary['checkpoints']['best'].startswith('best_')
    assert (folder / 'samples_val.png').stat().st_size > 0
    counts = (folder / 'class_histogram.csv').read_text().splitlines()
    assert counts[0].startswith(f'index,class,{dict(panoptic="segments", semantic="pixels")[kind]}')
    stuff = [int(line.split(',')[2]) for line in counts[6:]]
    assert len(stuff) == 2
    assert min(stuff) > 0


def test_test_tool_evaluates_and_draws(trained, tmp_path):
    kind, config, folder, words = trained
    out = run('tools/test.py', config, folder / 'iter_2.pth', '--work-dir', tmp_path, '--show-dir', 'shown',
              '--out', tmp_path / 'predictions.pkl', '--cfg-options', *words)  # fmt: skip
    assert {'panoptic': 'coco_panoptic/PQ', 'semantic': 'mIoU'}[kind] in out
    assert len(list(tmp_path.rglob('shown/**/*.[jp][pn]g'))) == 2
    assert not (ROOT / 'shown').exists()


def test_infer_tool_writes_maps_and_pictures(trained, data, tmp_path):
    kind, config, folder, words = trained
    run('tools/infer.py', config, folder / 'iter_2.pth', data / 'val', '--out-dir', tmp_path, '--cfg-options', *words)
    assert len(list((tmp_path / 'overlays').iterdir())) == 2
    if kind == 'semantic':
        labels = cv2.imread(str(tmp_path / 'labels/000001.png'), cv2.IMREAD_UNCHANGED)
        assert labels.shape == (64, 64)
        assert labels.max() < 7
        return
    content = json.loads((tmp_path / 'panoptic.json').read_text())
    assert [item['isthing'] for item in content['categories']] == [1] * 5 + [0] * 2
    for item in content['annotations']:
        ids = decode_ids((tmp_path / 'panoptic' / item['file_name']).read_bytes())
        assert set(np.unique(ids)) - {0} == {segment['id'] for segment in item['segments_info']}
    assert isinstance(json.loads((tmp_path / 'predictions.json').read_text()), list)

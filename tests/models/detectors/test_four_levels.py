"""One Mask2Former, four answers: in samples, in files of ``predict`` and ``test``, in one evaluation, on pictures."""

import json

import cv2
import numpy as np
import pytest
import torch
from config_files import ROOT
from mmdet.structures import DetDataSample
from mmengine.registry import MODELS, init_default_scope
from mmengine.structures import PixelData

from mmseg_plugins.apis import Predictor
from mmseg_plugins.cli.main import main
from mmseg_plugins.config.load import load_config
from mmseg_plugins.engine.checks.semantic_level import check_semantic_level
from mmseg_plugins.structures.images import read_image
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.visualization.samples import draw_prediction
from mmseg_plugins.visualization.visualizers import PanopticVisualizer

NAME = 'configs/mask2former/mask2former_lite0-four-levels_600it_shapes.py'
CHANNELS = [8, 16, 32, 64]


def tiny(data=None):
    """The config with the smallest ResNet, one layer of each kind and six queries."""
    cfg = load_config(ROOT / NAME, {
        **({'data_root': f'{data}/'} if data else {}),
        'model.panoptic_head.in_channels': CHANNELS, 'model.panoptic_head.num_queries': 6,
        'model.panoptic_head.pixel_decoder.encoder.num_layers': 1,
        'model.panoptic_head.transformer_decoder.num_layers': 1,
        'model.train_cfg.num_points': 32, 'model.test_cfg.max_per_image': 6, 'model.test_cfg.object_mask_thr': 0.1,
        'model.test_cfg.iou_thr': 0.1, 'test_dataloader.num_workers': 0,
        'test_dataloader.persistent_workers': False})  # fmt: skip
    cfg.model.backbone = dict(type='ResNet', depth=18, base_channels=8, init_cfg=None)
    return cfg


def build(cfg):
    init_default_scope('mmdet')
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    model.init_weights()
    return model


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """Config, checkpoint and data: two images of 64 px."""
    folder = tmp_path_factory.mktemp('four levels')
    size = ['--train', '1', '--val', '2', '--size', '64', '--workers', '1']
    assert main(['convert-data', 'shapes', '--out-dir', str(folder / 'data'), *size]) == 0
    cfg = tiny(folder / 'data')
    meta = dict(dataset_meta=dict(cfg.metainfo.to_dict()))
    torch.save(dict(state_dict=build(cfg).state_dict(), meta=meta), folder / 'model.pth')
    cfg.dump(str(folder / 'config.py'))
    return str(folder / 'config.py'), str(folder / 'model.pth'), folder / 'data'


def test_weights_are_those_of_the_host_and_the_new_levels_can_be_left_out():
    cfg = tiny()
    ours = build(cfg)
    cfg.model.type, cfg.model.panoptic_fusion_head.type = 'Mask2Former', 'MaskFormerFusionHead'
    cfg.model.test_cfg.semantic_on = False
    host = build(cfg)
    host.load_state_dict(ours.state_dict())
    ours.panoptic_fusion_head.test_cfg.update(semantic_on=False, foreground_on=False)
    image = torch.randint(0, 255, (3, 64, 96), dtype=torch.uint8)
    shape = dict(img_shape=(64, 96), ori_shape=(32, 48), scale_factor=(2.0, 2.0))
    found, other = (model.eval().test_step(dict(inputs=[image], data_samples=[DetDataSample(metainfo=shape)]))[0]
                    for model in (ours, host))
    assert sorted(found.keys()) == sorted(other.keys()) == ['pred_instances', 'pred_panoptic_seg']
    assert torch.equal(found.pred_panoptic_seg.sem_seg, other.pred_panoptic_seg.sem_seg)
    assert torch.equal(found.pred_instances.masks, other.pred_instances.masks)


@pytest.mark.parametrize('part', ['model', 'panoptic_fusion_head'])
def test_levels_that_a_stock_part_does_not_give_are_refused_when_it_is_built(part):
    cfg = tiny()
    if part == 'model':
        cfg.model.type = 'Mask2Former'
    else:
        cfg.model.panoptic_fusion_head.type = 'MaskFormerFusionHead'
    with pytest.raises(UserError, match=r'semantic_on=True, but Mask.*does not give this level.* Fix: .*FourLevel'):
        check_semantic_level(build(cfg))
    check_semantic_level(build(tiny()))


def test_one_test_evaluates_all_four_levels_and_streams_them(trained, tmp_path):
    config, checkpoint, _ = trained
    arguments = ['--work-dir', str(tmp_path / 'run'), '--out', str(tmp_path / 'out'), '--show-dir', 'shown']
    assert main(['test', config, checkpoint, *arguments]) == 0
    metrics = json.loads((tmp_path / 'run/test_summary.json').read_text())['metrics']
    assert {'coco_panoptic/PQ', 'coco/segm_mAP', 'semantic/mIoU', 'foreground/IoU'} <= set(metrics)
    assert (tmp_path / 'run/classes_iou.csv').read_text().count('\n') == 8
    for kind, suffix in (('labels', 'png'), ('foreground', 'png'), ('panoptic', 'npz')):
        assert len(list((tmp_path / 'out' / kind).rglob(f'*.{suffix}'))) == 2
    assert len(list(tmp_path.rglob('shown/**/*.[jp][pn]g'))) == 2


def test_predict_writes_what_the_predictor_gives(trained, tmp_path):
    config, checkpoint, data = trained
    assert main(['predict', config, checkpoint, str(data / 'val'), '--out-dir', str(tmp_path), '--levels']) == 0
    path = sorted((data / 'val').iterdir())[0]
    sample = Predictor(config, checkpoint)(path)
    labels, objects = (cv2.imread(str(tmp_path / kind / f'{path.stem}.png'), cv2.IMREAD_UNCHANGED)
                       for kind in ('labels', 'foreground'))
    assert np.array_equal(labels, sample.pred_sem_seg.sem_seg[0].numpy())
    assert np.array_equal(objects, 255 * sample.pred_foreground.sem_seg[0].numpy())
    assert (tmp_path / 'panoptic' / f'{path.stem}.png').is_file()
    assert {'predictions.json', 'panoptic.json', 'overlays'} <= {item.name for item in tmp_path.iterdir()}
    assert cv2.imread(str(tmp_path / 'levels' / f'{path.stem}.png')).shape[1] == 5 * 256 + 6 * 8
    assert 'things' in draw_prediction(read_image(path), sample, dict(classes='abcdefg'))[0]


def test_the_visualizer_draws_the_panoptic_map_alone():
    image = np.full((64, 64, 3), 90, np.uint8)
    ids = torch.full((1, 64, 64), 2)
    both = DetDataSample(pred_panoptic_seg=PixelData(sem_seg=ids), pred_sem_seg=PixelData(sem_seg=ids - 1))
    alone = DetDataSample(pred_panoptic_seg=PixelData(sem_seg=ids))
    drawn = []
    for sample in (both, alone):
        visualizer = PanopticVisualizer()
        visualizer.dataset_meta = dict(classes=('disc', 'bar', 'sky'), palette=[(255, 0, 0), (0, 255, 0), (0, 0, 255)])
        visualizer.add_datasample('one', image, sample, draw_gt=False)
        drawn.append(visualizer.get_image())
    assert np.array_equal(*drawn)
    assert 'pred_sem_seg' in both

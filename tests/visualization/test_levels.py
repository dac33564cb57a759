"""Four levels of one image next to each other, ground truth and prediction."""

import numpy as np
import pytest
import torch
from config_files import ROOT
from mmdet.structures import DetDataSample
from mmdet.structures.mask import BitmapMasks
from mmengine.structures import InstanceData, PixelData

from mmseg_plugins.cli.main import main
from mmseg_plugins.config.load import load_config
from mmseg_plugins.structures.images import read_image
from mmseg_plugins.visualization.levels import Levels, levels_sheet, predicted_levels, true_levels

META = dict(classes=('disc', 'bar', 'sky'), palette=[(255, 0, 0), (0, 255, 0), (0, 0, 255)])
IMAGE = np.full((64, 64, 3), 90, np.uint8)


def test_truth_has_all_levels():
    masks = np.zeros((1, 64, 64), np.uint8)
    masks[0, :20, :20] = 1
    labels = torch.full((1, 64, 64), 2)
    labels[:, :20, :20] = 0
    sample = DetDataSample(gt_sem_seg=PixelData(sem_seg=labels), gt_instances=InstanceData(
        bboxes=torch.zeros(1, 4), labels=torch.tensor([0]), masks=BitmapMasks(masks, 64, 64)))
    levels = true_levels(sample)
    assert np.array_equal(levels.objects, masks[0] > 0)
    assert np.array_equal(levels.panoptic.stuff == 2, masks[0] == 0)
    assert levels_sheet(IMAGE, levels, META).shape[1] == 5 * 256 + 6 * 8


def test_objects_come_from_the_panoptic_map_where_there_is_no_map_of_them():
    ids = torch.full((1, 64, 64), 2)
    ids[:, :8] = 1001
    panoptic = DetDataSample(pred_panoptic_seg=PixelData(sem_seg=ids))
    levels = predicted_levels(panoptic, 3)
    assert (levels.labels, levels.instances) == (None, None)
    assert np.array_equal(levels.objects, ids[0].numpy() >= 1000)
    panoptic.pred_foreground = PixelData(sem_seg=torch.zeros(1, 64, 64, dtype=torch.long))
    assert not predicted_levels(panoptic, 3).objects.any()


def test_without_a_level_there_is_the_image():
    assert true_levels(DetDataSample()) == Levels()
    assert levels_sheet(IMAGE, Levels(), META).shape[1] == 256 + 2 * 8


@pytest.mark.parametrize(('name', 'status'), [('panoptic', 0), ('instance', 1)])
def test_browse_draws_levels_of_panoptic_data_only(tmp_path, capsys, name, status):
    data = tmp_path / 'data'
    assert main(['convert-data', 'shapes', '--out-dir', str(data), '--train', '1', '--val', '1', '--size', '64',
                 '--workers', '1']) == 0
    cfg = load_config(ROOT / f'configs/mask2former/mask2former_r18-{name}_1500it_shapes.py', {'data_root': f'{data}/'})
    cfg.dump(str(tmp_path / 'config.py'))
    found = main(['browse', str(tmp_path / 'config.py'), '--split', 'val', '--stage', 'levels', '--out-dir',
                  str(tmp_path / 'out')])
    assert found == status
    if status:
        assert 'Fix: another --stage' in capsys.readouterr().err
    else:
        assert read_image(tmp_path / 'out/sheet.png').shape[1] == 1200 + 2 * 8

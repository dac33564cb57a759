"""A pre-training on a folder of images: the tool's runner trains it, resumes it, and draws its report."""

import json

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS
from tiny_models import CONFIGS

from mmseg_plugins.config.load import load_config
from mmseg_plugins.engine import SafeRunner
from mmseg_plugins.engine.checkpoint.safe_load import load_checkpoint_file
from mmseg_plugins.engine.hooks import MaskedPatchesHook
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.visualization.masked_patches import draw_masked_patches, nearest_patches

CONFIG = CONFIGS / 'eva02/eva-pretrain_eva02-96-hog_2000it-crop128_images.py'


def config(folder, iters):
    (folder / 'images').mkdir(exist_ok=True)
    rng = np.random.RandomState(0)
    for i in range(4):
        cv2.imwrite(str(folder / f'images/{i}.png'), rng.randint(0, 256, (70, 80, 3), np.uint8))
    options = {
        'data_root': str(folder), 'train_dataloader.dataset.folders': ['images'],
        'train_dataloader.batch_size': 2, 'train_dataloader.num_workers': 0,
        'train_dataloader.persistent_workers': False, 'train_cfg.max_iters': iters,
        'model.backbone.arch': dict(embed_dims=8, depth=1, num_heads=1), 'work_dir': str(folder / 'work'),
        'default_hooks.checkpoint.interval': 1, 'default_hooks.logger.interval': 1, 'resume': iters > 2,
        'progress': False, 'log_level': 'WARNING'}
    return Config(load_config(CONFIG, options)._cfg_dict)


def test_it_trains_resumes_and_draws(tmp_path):
    SafeRunner.from_cfg(config(tmp_path, 2)).train()
    picture = cv2.imread(str(tmp_path / 'work/masked_patches.png'))
    assert picture.shape[1] > 6 * 192
    first = load_checkpoint_file(tmp_path / 'work/iter_2.pth')
    runner = SafeRunner.from_cfg(config(tmp_path, 3))
    runner.train()
    assert runner.iter == 3
    summary = json.loads((tmp_path / 'work/summary.json').read_text())
    assert not summary.get('problems'), summary
    assert not torch.equal(first['state_dict']['mask_token'], runner.model.mask_token)


@pytest.mark.parametrize('name', [
    'mask-rcnn_eva02-96-sfp_1000it-crop256_nuclei', 'upernet_eva02-96_1000it-crop224_camvid'])
def test_the_small_configs_can_start_from_it(name):
    """Names and shapes of their transformer are those of the pre-trained one."""
    given, wanted = (MODELS.build(load_config(path).model.backbone).state_dict()
                     for path in (CONFIG, CONFIGS / f'eva02/{name}.py'))
    assert {key: value.shape for key, value in wanted.items()} == {key: given[key].shape for key in wanted}


def test_the_nearest_patch_is_one_of_another_image():
    targets = torch.eye(4).reshape(2, 2, 4)  # two images of two patches
    predicted = torch.tensor([[1.0, 0, 0, 0.5], [0, 0, 0.9, 0.1]])
    assert nearest_patches(predicted, targets, torch.tensor([0, 3])).tolist() == [3, 0]


def test_masked_patches_turn_gray_and_then_into_their_nearest():
    images = [np.full((4, 4, 3), value, np.uint8) for value in (10, 20)]
    pictures = dict(enumerate(draw_masked_patches(images, [1, 4], [6, 3], (2, 2))))
    titles, drawn = [title for title, _ in pictures.values()], [image for _, image in pictures.values()]
    assert titles[:3] == ['image', 'masked', 'nearest patches']
    assert (drawn[0] == 10).all()
    assert (drawn[1][:2, 2:] == 128).all()
    assert (drawn[1][2:] == 10).all()
    assert (drawn[2][:2, 2:] == 20).all()
    assert (drawn[5][:2, :2] == 10).all()
    assert (drawn[5][:2, 2:] == 20).all()


def test_one_image_has_no_others():
    with pytest.raises(UserError, match='2 or more'):
        MaskedPatchesHook(images=1)

"""Mask2Former on tiles: training and a single tile are the stock detector's, and larger images are cut."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from mmengine.structures import InstanceData
from tiny_models import batch, build, losses_of, predictions_of, tiny_config

CONFIG = 'mask2former/mask2former_lite0-tiles_4000it-crop128_nuclei.py'
SIZE = (64, 64)


def tiny(stock: bool = False, **options: Any) -> torch.nn.Module:
    """The config with the smallest ResNet, one layer of each kind and six queries; ``stock``: with mmdet's detector."""
    cfg = tiny_config(
        'mask2former/mask2former_r18-instance_1000it-crop256_nuclei.py', panoptic_head__in_channels=[8, 16, 32, 64],
        panoptic_head__num_queries=6, panoptic_head__pixel_decoder__encoder__num_layers=1,
        panoptic_head__transformer_decoder__num_layers=1, train_cfg__num_points=32, test_cfg__max_per_image=6)
    if not stock:
        cfg.model.update(type='mmseg_plugins.TiledMask2Former', **(dict(tile=SIZE, overlap=20) | options))
    return build(cfg)


@pytest.fixture(scope='module')
def pair() -> tuple[torch.nn.Module, torch.nn.Module]:
    return tiny(), tiny(stock=True)


def test_weights_and_training_are_the_stock_detectors(pair: tuple[Any, Any]) -> None:
    ours, theirs = copy.deepcopy(pair)
    theirs.load_state_dict(ours.state_dict())
    found = []
    for model in (ours, theirs):
        torch.manual_seed(1)  # of the points at which masks are compared
        found.append(losses_of(model, batch([[[5, 5, 20, 25]], [[1, 1, 60, 60]]])))
    assert found[0].keys() == found[1].keys()
    assert all(torch.equal(loss, found[1][name]) for name, loss in found[0].items())


def test_an_image_of_one_tile_is_predicted_as_by_the_stock_detector(pair: tuple[Any, Any]) -> None:
    ours, theirs = copy.deepcopy(pair)
    theirs.load_state_dict(ours.state_dict())
    mine, wanted = (predictions_of(model, batch([[]], size=SIZE))[0] for model in (ours, theirs))
    wanted = wanted[wanted.masks.flatten(1).any(1)]  # the stock fusion head also gives queries without a pixel
    wanted = wanted[wanted.scores.argsort(descending=True)]
    assert len(mine) == len(wanted) > 0
    torch.testing.assert_close(mine.scores, wanted.scores)
    assert torch.equal(mine.masks, wanted.masks)
    assert torch.equal(mine.labels, wanted.labels)
    torch.testing.assert_close(mine.bboxes, wanted.bboxes.float())


def white_pixels(tiles: torch.Tensor, samples: list[Any]) -> list[InstanceData]:
    """Stands for the network: a tile's white pixels are one object, and a second one has no pixel."""
    results = []
    for tile in tiles:
        mask = tile[0] > 0
        rows, columns = mask.any(1).nonzero(), mask.any(0).nonzero()
        box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1] if mask.any() else [0] * 4
        results.append(InstanceData(
            scores=torch.tensor([0.5, 0.9]), labels=torch.tensor([0, 0]), masks=torch.stack([mask, mask & False]),
            bboxes=torch.tensor([[float(side) for side in box], [0.0] * 4])))
    return results


@pytest.mark.parametrize('corner', [(3, 5), (50, 44), (100, 80), (52, 80)])
@pytest.mark.parametrize('rle', [False, True])
def test_an_object_of_a_larger_image_is_found_once_in_its_place(pair: tuple[Any, Any], corner: tuple[int, int],
                                                                rle: bool) -> None:
    model = copy.deepcopy(pair[0])
    model.instances_of_tiles, model.rle = white_pixels, rle
    image = torch.zeros(1, 3, 130, 110)
    y, x = corner
    image[..., y:y + 12, x:x + 9] = 1
    data = batch([[]], size=(130, 110))
    found = model.predict(image, data['data_samples'])[0].pred_instances
    assert found.scores.tolist() == [0.5]
    assert found.bboxes.tolist() == [[x, y, x + 9, y + 12]]
    if not rle:
        assert torch.equal(found.masks[0], image[0, 0] > 0)


@pytest.mark.parametrize(('limit', 'number'), [(2, 2), (0, 4), (-1, 4)])
def test_the_best_of_all_tiles_are_kept(pair: tuple[Any, Any], limit: int, number: int) -> None:
    model = copy.deepcopy(pair[0])
    model.instances_of_tiles, model.max_per_img = white_pixels, limit
    image = torch.zeros(1, 3, 108, 108)
    for y, x in ((5, 5), (5, 90), (90, 5), (90, 90)):
        image[..., y:y + 8, x:x + 8] = 1
    assert len(model.predict(image, batch([[]], size=(108, 108))['data_samples'])[0].pred_instances) == number


@pytest.mark.parametrize('level', ['panoptic_on', 'semantic_on', 'instance_on'])
def test_other_levels_than_instances_are_refused(level: str) -> None:
    cfg = tiny_config('mask2former/mask2former_r18-instance_1000it-crop256_nuclei.py')
    cfg.model.update(type='mmseg_plugins.TiledMask2Former', tile=SIZE, overlap=20)
    cfg.model.test_cfg[level] = level != 'instance_on'
    with pytest.raises(ValueError, match='instances alone'):
        build(cfg)


@pytest.mark.parametrize(('options', 'words'), [
    (dict(overlap=64), r'overlap=64 must be .* smaller than both sides of tile=\(64, 64\)'),
    (dict(tile=(64, 80)), r'tile=\(64, 80\) must be multiples of 32, the coarsest of pixel_decoder.strides'),
])
def test_tiles_that_do_not_fit_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        tiny(**options)


def test_the_recipe_trains_on_crops_of_its_tile() -> None:
    cfg = tiny_config(CONFIG)
    resize = next(step for step in cfg.train_dataloader.dataset.pipeline if step['type'] == 'Resize')
    crop = next(step for step in cfg.train_dataloader.dataset.pipeline if step['type'] == 'RandomCrop')
    zoom = next(step for step in cfg.test_dataloader.dataset.pipeline if step['type'] == 'Resize')['scale_factor']
    assert tuple(resize['scale']) == tuple(cfg.model.tile) == tuple(int(zoom * side) for side in crop['crop_size'])

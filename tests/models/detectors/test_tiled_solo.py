"""Tiles: how an image is cut, that every object is found once and whole, and that one tile is the stock detector."""

import weakref
from itertools import pairwise

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData
from pycocotools import mask as mask_api
from scipy import ndimage
from tiny_models import batch, build, check_training_step, predictions_of, tiny_config

from mmseg_plugins.models.detectors import tiled_prediction
from mmseg_plugins.models.detectors.tiled_prediction import spans
from mmseg_plugins.structures.masks import mask_boxes

CONFIG = 'solo/solov2_r18_1000it-crop256_nuclei.py'


def tiny(**options):
    options = dict(tile=(64, 64), overlap=20) | options
    return build(tiny_config(
        CONFIG, neck__in_channels=[8, 16, 32, 64], neck__out_channels=16, mask_head__in_channels=16,
        mask_head__feat_channels=16, mask_head__mask_feature_head__feat_channels=16,
        mask_head__mask_feature_head__out_channels=16, mask_head__num_grids=[8, 6, 4, 2], **options))


class Finder:
    """Stands for network and head: every group of white pixels of a tile is an instance, larger ones first."""

    test_cfg = None

    def __init__(self):
        self.tile_masks = []  # references to what was given for each tile

    def predict(self, maps, samples, rescale):
        assert rescale is False
        results = []
        for crop, sample in zip(maps, samples, strict=True):
            height, width = sample.img_shape
            groups, number = ndimage.label(crop[0, :height, :width] > 0)
            masks = torch.from_numpy(np.stack([groups == i + 1 for i in range(number)])) if number else torch.zeros(
                0, height, width, dtype=torch.bool)
            self.tile_masks.append(weakref.ref(masks))
            results.append(InstanceData(
                scores=masks.flatten(1).sum(1) / 1000, labels=torch.zeros(number, dtype=torch.long), masks=masks,
                bboxes=mask_boxes(masks)))
        return results


def found_in(model, image, ori_shape=None, finder=None):
    """What the tiles give with ``Finder`` in the place of the network."""
    data = batch([[]], size=image.shape)
    data['data_samples'][0].set_metainfo(dict(ori_shape=ori_shape or image.shape))
    model.mask_head = None
    model._modules.pop('mask_head', None)
    object.__setattr__(model, 'mask_head', finder or Finder())
    model.extract_feat = lambda crops: crops
    padded = torch.nn.functional.pad(torch.from_numpy(image).float(), (0, 32, 0, 32))
    return model.predict(padded.expand(1, 3, -1, -1), data['data_samples'])[0].pred_instances


def dotted_image(height, width, seed=0):
    """Disjoint white rectangles of at most 18 pixels in cells of 20, no two touching."""
    rng = np.random.RandomState(seed)
    image = np.zeros((height, width), np.uint8)
    for y in range(0, height - 19, 20):
        for x in range(0, width - 19, 20):
            h, w = rng.randint(3, 19, 2)
            image[y:y + h, x:x + w] = 1
    return image


@pytest.mark.parametrize(('length', 'tile', 'overlap'), [(500, 256, 12), (64, 64, 20), (40, 64, 20), (65, 64, 20),
                                                         (1388, 256, 64), (108, 64, 20)])
def test_cores_meet_and_tiles_overlap_enough(length, tile, overlap):
    parts = spans(length, tile, overlap)
    assert parts[0].start == 0
    assert parts[0].first == -torch.inf
    assert parts[-1].last == torch.inf
    assert parts[-1].start + tile >= length
    for before, after in pairwise(parts):
        assert before.last == after.first
        assert before.start + tile - after.start >= overlap
        assert after.start + tile <= length
    if (length, overlap) == (500, 12):
        assert [(part.start, part.last) for part in parts] == [(0, 250), (244, torch.inf)]


@pytest.mark.parametrize('size', [(160, 100), (64, 64), (50, 200)])
def test_every_object_is_found_once_and_whole(size):
    image = dotted_image(*size)
    result = found_in(tiny(), image)
    wanted, number = ndimage.label(image)
    assert len(result) == number > 5
    assert (result.scores.diff() <= 0).all()
    for mask, box in zip(result.masks.numpy(), result.bboxes, strict=True):
        assert (mask == (wanted == wanted[mask][0])).all()
        assert torch.equal(box, mask_boxes(torch.from_numpy(mask)[None])[0])


def test_the_best_of_all_tiles_are_kept():
    model = tiny()
    model.test_cfg.max_per_img = 4
    result = found_in(model, dotted_image(160, 100))
    areas = np.sort(np.bincount(ndimage.label(dotted_image(160, 100))[0].ravel())[1:])[::-1]
    assert (result.scores * 1000).round().int().tolist() == areas[:4].tolist()


@pytest.mark.parametrize('limit', [-1, 0])
def test_without_a_limit_all_are_kept(limit):
    model = tiny()
    model.test_cfg.max_per_img = limit
    image = dotted_image(160, 100)
    assert len(found_in(model, image)) == ndimage.label(image)[1]


def test_what_is_held_does_not_grow_with_the_image(monkeypatch):
    """After every tile the best four, cropped to their boxes, and no mask of a tile but those of one batch of tiles."""
    model, finder, held = tiny(tiles_per_batch=2), Finder(), []
    model.test_cfg.max_per_img = 4
    original = tiled_prediction.keep_best

    def keep_best(parts, limit):
        best = original(parts, limit)
        held.append((sum(mask() is not None for mask in finder.tile_masks), len(best.scores),
                     max(crop.untyped_storage().nbytes() for crop in best.crops)))
        return best

    monkeypatch.setattr(tiled_prediction, 'keep_best', keep_best)
    found_in(model, dotted_image(400, 300), finder=finder)
    assert len(held) == len(finder.tile_masks) == 9 * 7
    masks, numbers, sizes = zip(*held, strict=True)
    assert max(masks) <= 2
    assert max(numbers) == 4
    assert max(sizes) <= 18 * 18


def test_masks_come_in_the_frame_of_the_original_image_and_as_rle():
    image = dotted_image(160, 100)
    dense = found_in(tiny(), image, ori_shape=(320, 200))
    assert dense.masks.shape[1:] == (320, 200)
    plain = found_in(tiny(), image)
    assert ((dense.bboxes / 2 - plain.bboxes).abs() <= 0.5).all()
    model = tiny()
    model.test_cfg.rle = True
    coded = found_in(model, image)
    assert (mask_api.decode(coded.masks).transpose(2, 0, 1) == plain.masks.numpy()).all()


def test_an_image_of_one_tile_is_predicted_as_by_the_stock_detector():
    model = tiny()
    model.mask_head.test_cfg.update(score_thr=0.0, filter_thr=-1)
    stock = build(model_config('SOLO'))
    stock.load_state_dict(model.state_dict())
    stock.mask_head.test_cfg.update(score_thr=0.0, filter_thr=-1)
    data = batch([[]], size=(64, 64))
    ours, theirs = predictions_of(model, data)[0], predictions_of(stock, batch([[]], size=(64, 64)))[0]
    assert len(ours.scores) > 0
    torch.testing.assert_close(ours.scores, theirs.scores)
    assert torch.equal(ours.masks, theirs.masks)


def model_config(kind):
    cfg = tiny_config(
        CONFIG, neck__in_channels=[8, 16, 32, 64], neck__out_channels=16, mask_head__in_channels=16,
        mask_head__feat_channels=16, mask_head__mask_feature_head__feat_channels=16,
        mask_head__mask_feature_head__out_channels=16, mask_head__num_grids=[8, 6, 4, 2])
    cfg.model.type = kind
    for key in ('tile', 'overlap'):
        del cfg.model[key]
    return cfg


@pytest.mark.parametrize('boxes', [[[[5, 5, 20, 25]], [[1, 1, 60, 60]]], [[], [[5, 5, 20, 25]]], [[], []]])
@pytest.mark.parametrize('name', ['solo', 'decoupled-solo', 'decoupled-solo-light'])
def test_the_small_configs_train_on_any_batch(name, boxes):
    cfg = tiny_config(
        f'solo/{name}_r18_1000it-crop256_nuclei.py', neck__in_channels=[8, 16, 32, 64], neck__out_channels=16,
        mask_head__in_channels=16, mask_head__feat_channels=16, mask_head__num_grids=[8, 6, 4, 2])
    model = build(cfg)
    check_training_step(model, batch(boxes))
    predictions_of(model, batch(boxes, size=(70, 90)))


def test_solov2_trains_on_an_empty_batch():
    check_training_step(tiny(), batch([[], []]))


def test_an_overlap_as_large_as_the_tile_is_refused():
    with pytest.raises(ValueError, match=r'overlap=64 must be .* smaller than both sides of tile=\(64, 64\)'):
        tiny(overlap=64)


@pytest.mark.parametrize('tile', [(64, 80), (100, 64)])
def test_a_tile_that_does_not_fit_the_strides_is_refused(tile):
    with pytest.raises(ValueError, match=rf'tile=\({tile[0]}, {tile[1]}\) must be multiples of 32'):
        tiny(tile=tile)

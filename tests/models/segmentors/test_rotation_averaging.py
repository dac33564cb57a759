"""Averaging over turned images."""

import math

import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.registry import MODELS, DefaultScope
from semantic_batches import random_labels, semantic_batch
from torch import nn

from mmseg_plugins.models.segmentors.rotation_averaging import rotate, rotated_size


@pytest.fixture(autouse=True)
def mmseg_scope():
    with DefaultScope.overwrite_default_scope('mmseg'):
        yield


def smooth(height, width):
    """A picture that rotations hardly harm."""
    y, x = torch.meshgrid(torch.arange(height) / 9.0, torch.arange(width) / 11.0, indexing='ij')
    return torch.stack([y.sin(), x.cos(), (x + y).sin()])[None]


def segmentor(rotations, kernel=1, classes=3):
    net = dict(type='mmseg_plugins.VGG', depth=11, base_channels=2, pool_strides=(0, 0, 0, 0, 0), out_indices=(0, ))
    model = MODELS.build(ConfigDict(
        type='mmseg_plugins.RotationAveragingEncoderDecoder', backbone=net, train_cfg=dict(),
        test_cfg=dict(mode='whole', rotations=rotations),
        decode_head=dict(type='mmseg_plugins.UNetHead', in_channels=2, in_index=0, num_classes=classes,
                         out_channels=1 if classes == 2 else classes, threshold=0.5 if classes == 2 else None,
                         loss_decode=dict(type='CrossEntropyLoss', use_sigmoid=classes == 2)))).eval()
    torch.manual_seed(0)
    model.backbone.features[0] = nn.Conv2d(3, 2, kernel, padding=kernel // 2)
    model.decode_head.init_weights()
    return model


def predict(model, image):
    samples = semantic_batch([random_labels(tuple(image.shape[2:]), 3)])['data_samples']
    with torch.no_grad():
        return model.predict(image, samples)[0]


@pytest.mark.parametrize(('size', 'rotations'), [((40, 56), 7), ((33, 48), 4), ((1, 1), 7)])
def test_a_network_of_single_pixels_is_not_changed(size, rotations):
    image = smooth(*size)
    one, many = (predict(segmentor(n), image).seg_logits.data.softmax(0) for n in (1, rotations))
    torch.testing.assert_close(many, one, atol=1e-2, rtol=0)


def test_quarter_turns_average_four_exact_predictions():
    model = segmentor(4, kernel=3)
    image = smooth(24, 24)
    ours = predict(model, image).seg_logits.data.softmax(0)
    with torch.no_grad():
        turned = [torch.rot90(model.encode_decode(
            torch.rot90(image, k, (2, 3)), [dict(img_shape=(24, 24))]).softmax(1), -k, (2, 3)) for k in range(4)]
    torch.testing.assert_close(ours, sum(turned)[0] / 4, atol=1e-4, rtol=0)
    assert (turned[0] - turned[1]).abs().max() > 1e-2


def test_single_outputs_average_their_sigmoid():
    image = smooth(20, 28)
    one, many = (predict(segmentor(n, classes=2), image).seg_logits.data for n in (1, 5))
    torch.testing.assert_close(many, one, atol=1e-2, rtol=0)


@pytest.mark.parametrize('angle', [0.0, 0.7, math.pi / 2, 4.0])
def test_the_canvas_holds_the_image_with_an_even_surplus(angle):
    for height, width in ((40, 57), (1, 9)):
        rows, columns = rotated_size(height, width, angle)
        assert (rows - height) % 2 == (columns - width) % 2 == 0
        corners = [(s * height / 2, t * width / 2) for s in (-1, 1) for t in (-1, 1)]
        c, s = math.cos(angle), math.sin(angle)
        assert rows / 2 >= max(abs(c * y - s * x) for y, x in corners) - 1e-6
        assert columns / 2 >= max(abs(s * y + c * x) for y, x in corners) - 1e-6
    assert rotated_size(40, 57, 0.0) == (40, 57)


def test_turned_and_turned_back():
    image = smooth(40, 50)
    size = rotated_size(40, 50, 0.6)
    back = rotate(rotate(image, 0.6, size, 'reflection'), -0.6, (40, 50), 'border')
    assert (back - image)[..., 3:-3, 3:-3].abs().max() < 0.01


def test_wrong_number_is_refused():
    with pytest.raises(ValueError, match=r'rotations=0 must be a number of rotations'):
        predict(segmentor(0), smooth(8, 8))

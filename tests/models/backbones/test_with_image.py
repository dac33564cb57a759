"""The image as one more map of any backbone."""

import torch

from mmseg_plugins.registry import MODELS


def test_image_follows_the_maps_of_the_net():
    net = dict(type='mmseg_plugins.VGG', depth=11, base_channels=4, out_indices=(0, 1))
    image = torch.randn(1, 3, 16, 24)
    outs = MODELS.build(dict(type='mmseg_plugins.WithImage', net=net))(image)
    assert [tuple(out.shape) for out in outs] == [(1, 4, 8, 12), (1, 8, 4, 6), (1, 3, 16, 24)]
    assert outs[-1] is image

"""U-Net's expanding path over maps of any size."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from mmseg_plugins.models.necks import UNetDecoder


def maps_of(height: int, width: int, channels: tuple[int, ...]) -> list[torch.Tensor]:
    return [torch.randn(1, c, -(-height // 2**i), -(-width // 2**i)) for i, c in enumerate(channels, 1)]


@pytest.mark.parametrize('size', [(32, 48), (45, 37), (1, 1)])
def test_the_map_covers_images_of_any_size(size: tuple[int, int]) -> None:
    net = UNetDecoder([2, 3, 4], [5, 6, 7], norm_cfg=dict(type='BN')).eval()
    (out, ) = net(maps_of(*size, channels=(2, 3, 4)))
    assert out.shape == (1, 5, *(side + side % 2 for side in size))


def test_each_level_joins_the_skip_and_the_doubled_map() -> None:
    """Step by step with torch's functions: up-convolution, cut, concatenation, two convolutions with ReLU."""
    net = UNetDecoder([2, 3], [4, 5])
    fine, coarse = maps_of(6, 10, channels=(2, 3))
    weights = dict(net.named_parameters())

    def up(x: torch.Tensor, level: int) -> torch.Tensor:
        return F.conv_transpose2d(x, weights[f'ups.{level}.weight'], weights[f'ups.{level}.bias'], stride=2)

    def convs(x: torch.Tensor, level: int) -> torch.Tensor:
        for step in range(2):
            name = f'fuse.{level}.{step}.conv'
            x = F.relu(F.conv2d(x, weights[f'{name}.weight'], weights[f'{name}.bias'], padding=1))
        return x

    middle = convs(torch.cat([fine, up(coarse, 1)[..., :3, :5]], dim=1), 1)
    torch.testing.assert_close(net([fine, coarse])[0], convs(up(middle, 0), 0))


def test_wrong_channels_are_named() -> None:
    with pytest.raises(ValueError, match='one for each doubling'):
        UNetDecoder([2, 3], [4])
    with pytest.raises(ValueError, match=r'in_channels=\[2, 3\], but the backbone gives maps of \[2, 4\]'):
        UNetDecoder([2, 3], [4, 5])(maps_of(8, 8, channels=(2, 4)))

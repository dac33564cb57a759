"""A host's ResNet whose first pooling is Caffe's."""

import pytest
import torch
from mmdet.models import ResNet

from mmseg_plugins.models.backbones import CeilPoolResNet

DC5 = dict(depth=50, base_channels=4, strides=(1, 2, 2, 1), dilations=(1, 1, 1, 2), out_indices=(2, 3), style='caffe')


@pytest.mark.parametrize('host', ['mmdet', 'mmseg'])
@pytest.mark.parametrize(('height', 'width'), [(64, 64), (63, 65), (66, 62), (37, 90)])
def test_pooling_pads_nothing_and_keeps_the_last_window(host, height, width):
    net = CeilPoolResNet(host=host, **DC5)
    net.eval()  # the hosts' gives None
    x = torch.randn(1, 3, height, width)
    with torch.no_grad():
        stem = net.relu(net.norm1(net.conv1(x)))
        pooled = net.maxpool(stem)
        c4, c5 = net(x)
    rows, columns = (-(-((size + 1) // 2 - 3) // 2) + 1 for size in (height, width))
    assert pooled.shape[2:] == (rows, columns)
    for i in range(rows):
        for j in range(columns):
            window = stem[:, :, 2 * i:2 * i + 3, 2 * j:2 * j + 3]
            assert torch.equal(pooled[:, :, i, j], window.amax((2, 3)))
    assert c4.shape[2:] == c5.shape[2:] == (-(-rows // 4), -(-columns // 4))


@pytest.mark.parametrize(('side', 'pooled'), [(321, 81), (320, 81), (241, 61), (240, 61), (160, 41)])
def test_padded_pooling_gives_deeplabs_sizes(side, pooled):
    net = CeilPoolResNet(host='mmseg', pool_padding=1, **DC5)
    assert net.maxpool(torch.zeros(1, 1, (side + 1) // 2, 1)).shape[2] == pooled


def test_keys_and_class_are_the_host_s():
    ours, stock = CeilPoolResNet(**DC5), ResNet(**DC5)
    assert type(ours) is ResNet
    stock.load_state_dict(ours.state_dict(), strict=True)


def test_an_unknown_host_is_named():
    with pytest.raises(ValueError, match="host='timm'"):
        CeilPoolResNet(host='timm', depth=18)

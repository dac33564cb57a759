"""U-Net's unpadded network: sizes, maps, first weights, and any image size within a mirrored margin."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mmseg_plugins.models.backbones import MirrorMargin, ValidUNet
from mmseg_plugins.models.layers.mirror import mirror_index, mirror_pad
from mmseg_plugins.registry import MODELS


def margin(net=None, **kwargs):
    net = dict(type='mmseg_plugins.ValidUNet', base_channels=2) | (net or {})
    return MODELS.build(dict(
        type='mmseg_plugins.MirrorMargin', net=net, **{**dict(margin=92, divisor=16, remainder=4), **kwargs})).eval()


def test_the_papers_sizes():
    net = ValidUNet(base_channels=1)
    assert net.shrink == 184
    with torch.no_grad():
        assert net(torch.zeros(1, 3, 572, 220))[0].shape == (1, 1, 388, 36)


def test_maps_of_all_levels_and_only_what_they_need():
    net = ValidUNet(base_channels=2, out_indices=(1, 3, 4))
    outs = net(torch.randn(1, 3, 204, 188))
    assert [tuple(out.shape[1:]) for out in outs] == [(4, 12, 4), (16, 6, 4), (32, 5, 4)]
    sum(out.sum() for out in outs).backward()
    assert all(p.grad is not None for p in net.parameters())
    assert len(net.ups) == 3


@pytest.mark.parametrize('size', [(189, 188), (188, 172), (16, 16)])
def test_another_size_names_the_nearest_ones(size):
    with pytest.raises(ValueError, match=r'sides of 188 \+ 16 k px .* (188 and 204).*MirrorMargin\(margin=92'):
        ValidUNet(base_channels=1)(torch.zeros(1, 3, *size))


@pytest.mark.parametrize(('kwargs', 'words'), [
    (dict(levels=2), 'levels=2 must be at least 3'), (dict(out_indices=(4, 0)), 'ascending levels of 0..4'),
    (dict(out_indices=()), 'ascending'), (dict(out_indices=(5, )), 'ascending'),
])
def test_wrong_settings_are_refused(kwargs, words):
    with pytest.raises(ValueError, match=words):
        ValidUNet(base_channels=1, **kwargs)


def test_first_weights_keep_the_variance():
    torch.manual_seed(0)
    net = ValidUNet(base_channels=16)
    net.init_weights()
    for name, layer in net.named_modules():
        if isinstance(layer, nn.Conv2d):
            wanted = math.sqrt(2 / (9 * layer.in_channels))
        elif isinstance(layer, nn.ConvTranspose2d):
            wanted = math.sqrt(2 / layer.in_channels)
        else:
            continue
        assert layer.weight.std().item() == pytest.approx(wanted, rel=0.1), name
        assert not layer.bias.any()


def test_dropout_stands_at_the_end_of_the_contracting_path():
    net = ValidUNet(base_channels=2, dropout=1.0, out_indices=(0, 3, 4)).train()
    seen = []
    net.dropout.register_forward_hook(lambda _, args, out: seen.append((args[0].shape[1], out.any().item())))
    net(torch.randn(1, 3, 188, 188))
    assert seen == [(16, False), (32, False)]


def test_mirrored_lines():
    assert mirror_index(4, 2, 3).tolist() == [2, 1, 0, 1, 2, 3, 2, 1, 0]
    assert mirror_index(3, 5, 4).tolist() == [1, 0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2]
    assert mirror_index(1, 2, 2).tolist() == [0] * 5
    x = torch.randn(2, 3, 7, 9)
    assert torch.equal(mirror_pad(x, (2, 5), (3, 1)), F.pad(x, (5, 1, 2, 3), mode='reflect'))


def shallow(**kwargs):
    """Three levels: 20 px are lost on each side, sizes 44 + 4 k."""
    return margin(dict(levels=3), margin=20, divisor=4, **kwargs)


@pytest.mark.parametrize(('net', 'step', 'lost', 'size'), [
    (margin, 16, 92, (1, 21)), (shallow, 4, 20, (1, 1)), (shallow, 4, 20, (20, 37)), (shallow, 4, 20, (50, 36)),
])
def test_any_size_within_a_mirrored_margin(net, step, lost, size):
    net = net()
    image = torch.randn(1, 3, *size)
    with torch.no_grad():
        ours = net(image)[0]
        covered = [n + (4 - n) % step for n in size]
        assert tuple(ours.shape[2:]) == tuple(covered)
        padded = mirror_pad(image, (lost, lost), (lost, lost))
        padded = mirror_pad(padded, (0, 0), (covered[0] - size[0], covered[1] - size[1]))
        assert torch.equal(ours, net.net(padded)[0])


def test_training_images_stay_as_they_are_unless_asked():
    image = torch.randn(1, 3, 188, 204)
    assert margin().train()(image)[0].shape == (1, 2, 4, 20)
    assert margin(when='always').train()(image)[0].shape == (1, 2, 196, 212)


@pytest.mark.parametrize('size', [(35, 50), (10, 41)])
def test_tiles_give_what_the_whole_image_gives(size):
    torch.manual_seed(1)
    net = shallow(tile=16)
    image = torch.randn(2, 3, *size)
    with torch.no_grad():
        tiled = net(image)[0]
        net.tile = None
        whole = net(image)[0]
    tiled = tiled[..., :size[0], :size[1]]
    torch.testing.assert_close(tiled, whole[..., :size[0], :size[1]], rtol=1e-4, atol=1e-5)
    assert tiled.abs().max() > 0


def test_tiles_of_a_network_of_stride_8():
    net = dict(type='mmseg_plugins.VGG', depth=11, base_channels=2, padding='valid', pool_strides=(2, 2, 2, 0, 0),
               out_indices=(3, ))
    # lost on each side: 1 + 2 * 1 + 4 * 2 + 8 * 2 px of the convolutions, and half a window of the pools
    wrapped = margin(net, margin=27, divisor=8, remainder=0)
    image = torch.randn(1, 3, 40, 61)
    with torch.no_grad():
        whole = wrapped(image)[0]
        wrapped.tile = 24
        tiled = wrapped(image)[0]
    assert whole.shape[2:] == (5, 8)
    torch.testing.assert_close(tiled[..., :5, :8], whole, rtol=1e-4, atol=1e-6)


def test_tiles_off_the_grid_and_several_maps_are_refused():
    with pytest.raises(ValueError, match=r'tile=40 px is not 4 \+ a multiple of 16; use 36'):
        margin(tile=40)
    with pytest.raises(ValueError, match='ValidUNet gives 2; choose one'):
        margin(dict(out_indices=(0, 4)), tile=20)(torch.zeros(1, 3, 40, 40))
    with pytest.raises(ValueError, match="'test' or 'always'"):
        MirrorMargin(net=dict(type='mmseg_plugins.ValidUNet', base_channels=1), margin=92, divisor=16, when='never')


def test_a_head_of_mmdet_reads_the_map():
    """Pixel embeddings on U-Net's map of stride 1: instances of touching objects without boxes."""
    head = MODELS.build(dict(
        type='mmseg_plugins.EmbeddingHead', in_channels=[2], stride=1, feat_channels=4, num_convs=1))
    net = shallow(when='always').train()
    maps = net(torch.randn(1, 3, 36, 36))
    assert maps[0].shape == (1, 2, 36, 36)  # the image's own size, since it fits
    classes, embedding = head(maps)
    assert classes.shape == (1, 2, 36, 36)
    (classes.sum() + embedding.sum()).backward()
    assert all(p.grad is not None for p in net.parameters())

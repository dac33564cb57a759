"""RoI features by crop-and-resize, plain and deformable."""

import pytest
import torch
import torch.nn.functional as F

from mmseg_plugins.models.layers import border_crop
from mmseg_plugins.models.roi_heads import CropResizeRoIExtractor, DeformableCropRoIExtractor
from mmseg_plugins.ops import crop_and_resize

ROIS = torch.tensor([[0, 4.3, 4.7, 30.1, 41.2], [1, 10.2, 0.6, 63.5, 60.9], [1, 20.1, 33.3, 24.4, 35.7]])
SETTINGS = dict(output_size=8, out_channels=5, featmap_strides=[8])


def feat(dtype=torch.float32):
    torch.manual_seed(0)
    return torch.randn(2, 5, 8, 8).to(dtype).requires_grad_()


def plain(**kwargs):
    return CropResizeRoIExtractor(**{**SETTINGS, **kwargs})


def deformable(**kwargs):
    built = DeformableCropRoIExtractor(**{**SETTINGS, **kwargs})
    built.init_weights()
    return built


def test_init_cfg_has_the_last_word():
    built = deformable(init_cfg=dict(type='Constant', layer='Linear', val=0.5, bias=0.25))
    assert built.offset_fc.weight.eq(0.5).all()
    assert built.offset_fc.bias.eq(0.25).all()
    assert not any(p.any() for p in deformable().parameters())


def test_plain_crop_and_pooling():
    crops = crop_and_resize(F.pad(feat(), (0, 1, 0, 1), mode='replicate'), ROIS, 8, 1 / 8)
    torch.testing.assert_close(plain()([feat()], ROIS), crops)
    torch.testing.assert_close(plain(pool=2)([feat()], ROIS), F.max_pool2d(crops, 2))


def test_a_box_at_the_end_of_the_image_reads_no_zeros():
    ones = torch.ones(1, 1, 8, 8)
    whole = torch.tensor([[0, 0., 0, 64, 64]])
    assert border_crop(ones, whole, 9, 1 / 8).eq(1).all()
    assert crop_and_resize(ones, whole, 9, 1 / 8)[..., -1].eq(0).all()


@pytest.mark.parametrize(('output_size', 'sub_boxes'), [(8, 2), (4, 4), (9, 3), (4, 1)])
def test_without_offsets_the_deformable_crop_is_the_plain_one(output_size, sub_boxes):
    ours = deformable(output_size=output_size, sub_boxes=sub_boxes)
    torch.testing.assert_close(ours([feat()], ROIS), plain(output_size=output_size)([feat()], ROIS))


def test_one_moved_sub_box_changes_its_own_tile_alone():
    """Bias of the last layer: sub-box (row 1, column 0) moves by a quarter of the width to the right."""
    ours = deformable(output_size=4, offset_factor=0.1)
    with torch.no_grad():
        ours.offset_fc.bias.view(2, 2, 2)[1, 0, 0] = 2.5
    got, still = ours([feat()], ROIS), plain(output_size=4)([feat()], ROIS)
    changed = ~torch.isclose(got, still).all(1)  # (N, 4, 4)
    assert changed[:, 2:, :2].any()
    assert not changed[:, :2].any()
    assert not changed[:, :, 2:].any()
    x1, y1, x2, y2 = ROIS[1, 1:]
    width, height = x2 - x1, y2 - y1
    tile = torch.stack([ROIS[1, 0], x1 + width * 0.25, y1 + height * 2 / 3, x1 + width * (0.25 + 1 / 3), y2])[None]
    torch.testing.assert_close(got[1:2, :, 2:, :2], border_crop(feat(), tile, 2, 1 / 8))


def test_offsets_learn():
    ours, x = deformable(), feat()
    weight = torch.randn(3, 5, 8, 8)
    (ours([x], ROIS) * weight).sum().backward()
    assert ours.offset_fc.bias.grad.abs().sum() > 0
    assert ours.offset_fc.weight.grad.abs().sum() > 0
    assert x.grad.abs().sum() > 0


def test_gradient_of_the_offsets_is_that_of_finite_differences():
    ours = deformable(output_size=4).double()
    x, rois = feat(torch.float64).detach(), ROIS.double()
    offsets = (0.05 * torch.randn(3, 8, dtype=torch.float64)).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda o: border_crop(x, ours.shifted_sub_boxes(rois, o), 2, 1 / 8), offsets)


@pytest.mark.parametrize('build', [plain, deformable])
def test_no_roi_stays_connected(build):
    ours, x = build(), feat()
    out = ours([x], ROIS[:0])
    assert out.shape == (0, 5, 8, 8)
    out.sum().backward()
    assert x.grad is not None
    assert all(p.grad is not None for p in ours.parameters())


@pytest.mark.parametrize('build', [plain, deformable])
def test_bfloat16(build):
    out = build().to(torch.bfloat16)([feat(torch.bfloat16)], ROIS)
    assert out.dtype == torch.bfloat16
    assert out.isfinite().all()


@pytest.mark.parametrize(('call', 'words'), [
    (lambda: plain(featmap_strides=[4, 8]), ['[4, 8]', 'SingleRoIExtractor']),
    (lambda: plain(output_size=7, pool=2), ['output_size=7', 'pool=2']),
    (lambda: deformable(output_size=7), ['output_size=7', 'sub_boxes=2']),
    (lambda: plain()([torch.zeros(1, 4, 8, 8)], ROIS), ['out_channels=5', '[4]']),
    (lambda: plain()([feat(), feat()], ROIS), ['one map', 'given 2']),
])
def test_bad_arguments_are_named(call, words):
    with pytest.raises(ValueError) as error:
        call()
    assert all(word in str(error.value) for word in words), error.value

"""AllLevelRoIExtractor: what it pools, its layout, empty RoIs, low precision, errors."""

import pytest
import torch
from mmcv.ops import roi_align

from mmseg_plugins.models.roi_heads import AllLevelRoIExtractor

ROI_ALIGN = dict(type='RoIAlign', output_size=3, sampling_ratio=2, aligned=False)
ROIS = torch.tensor([[0, 3.5, 2, 40, 61], [1, 0, 0, 1, 1], [0, 10, 10, 10, 10], [1, 0, 0, 64, 64]])


def extractor(**kwargs):
    return AllLevelRoIExtractor(**{**dict(roi_layer=ROI_ALIGN, out_channels=5, featmap_strides=[4, 8, 16]), **kwargs})


def maps(dtype=torch.float32):
    torch.manual_seed(0)
    return [torch.randn(2, 5, 64 // s, 64 // s).to(dtype).requires_grad_() for s in (4, 8, 16)]


def test_every_roi_reads_every_level_whatever_its_size():
    feats = maps()
    out = extractor()(feats, ROIS)
    assert out.shape == (4, 3, 5, 3, 3)  # RoIs, levels, channels, h, w
    for level, (feat, stride) in enumerate(zip(feats, (4, 8, 16), strict=True)):
        torch.testing.assert_close(out[:, level], roi_align(feat, ROIS, 3, 1 / stride, 2, 'avg', False))


def test_a_level_is_contiguous_in_memory():
    out = extractor()(maps(), ROIS)
    assert all(out[:, level].is_contiguous() for level in range(3))


def test_selecting_rois_works_as_with_stock_extractors():
    out = extractor()(maps(), ROIS)
    assert out[torch.tensor([True, False, False, True])].shape == (2, 3, 5, 3, 3)


def test_fuse_max_gives_what_any_stock_head_reads():
    torch.testing.assert_close(extractor(fuse='max')(maps(), ROIS), extractor()(maps(), ROIS).amax(1))


@pytest.mark.parametrize(('fuse', 'shape'), [(None, (0, 3, 5, 3, 3)), ('max', (0, 5, 3, 3))])
def test_no_roi_stays_connected_to_every_map(fuse, shape):
    feats = maps()
    out = extractor(fuse=fuse)(feats, ROIS[:0])
    assert out.shape == shape
    out.sum().backward()
    assert all(f.grad is not None and not f.grad.any() for f in feats)


def test_roi_scale_factor_widens_around_the_centre():
    wide = torch.tensor([[0, 8., 8, 40, 40]])
    narrow = torch.tensor([[0, 16., 16, 32, 32]])
    torch.testing.assert_close(extractor()(maps(), narrow, roi_scale_factor=2.0), extractor()(maps(), wide))


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_low_precision_maps_keep_exact_coordinates(dtype):
    rois = torch.tensor([[0, 16.3, 16.7, 49.9, 51.1]])
    feats = maps(dtype)
    out = extractor()(feats, rois)
    assert out.dtype == dtype
    torch.testing.assert_close(out, extractor()([f.float() for f in feats], rois).to(dtype))
    out.float().sum().backward()
    assert all(f.grad.dtype == dtype for f in feats)


def test_gradcheck():
    feats = [f.detach().double().requires_grad_() for f in maps()]
    small = extractor(roi_layer=dict(ROI_ALIGN, output_size=2), out_channels=5)
    assert torch.autograd.gradcheck(lambda *f: small(f, ROIS[:2].double()), feats)


def test_wrong_maps_are_named():
    with pytest.raises(ValueError) as error:
        extractor()(maps()[:2], ROIS)
    assert '[5, 5, 5]' in str(error.value)
    assert '[5, 5]' in str(error.value)
    with pytest.raises(ValueError, match="fuse='sum'"):
        extractor(fuse='sum')

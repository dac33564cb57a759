"""The module that stands in for mmcv's compiled one: names, signatures, buffers, and what it says of the rest."""

from __future__ import annotations

import inspect
import sys

import mmcv.ops
import pytest
import torch
from mmcv.utils.ext_loader import check_ops_exist, load_ext
from slow_roi_ops import random_rois

from mmseg_plugins.ops import mmcv_ext
from mmseg_plugins.ops.backends import serving
from mmseg_plugins.ops.deform_roi_pool import deform_roi_pool
from mmseg_plugins.ops.focal_loss import sigmoid_focal_loss, softmax_focal_loss
from mmseg_plugins.ops.roi_align import roi_align
from mmseg_plugins.ops.roi_align_max import roi_align_max
from mmseg_plugins.ops.roi_pool import roi_pool

# Argument names from mmcv/ops/csrc/pytorch/pybind.cpp (mmcv 2.1.0 and onedl-mmcv 2.3.6 agree).
SIGNATURES = {
    'get_compiler_version': '',
    'get_compiling_cuda_version': '',
    'nms': 'boxes scores iou_threshold offset',
    'nms_match': 'dets iou_threshold',
    'softnms': 'boxes scores dets iou_threshold sigma min_score method offset',
    'roi_align_forward': 'input rois output argmax_y argmax_x aligned_height aligned_width spatial_scale '
                         'sampling_ratio pool_mode aligned',
    'roi_align_backward': 'grad_output rois argmax_y argmax_x grad_input aligned_height aligned_width spatial_scale '
                          'sampling_ratio pool_mode aligned',
    'roi_pool_forward': 'input rois output argmax pooled_height pooled_width spatial_scale',
    'roi_pool_backward': 'grad_output rois argmax grad_input pooled_height pooled_width spatial_scale',
    'deform_roi_pool_forward': 'input rois offset output pooled_height pooled_width spatial_scale sampling_ratio gamma',
    'deform_roi_pool_backward': 'grad_output input rois offset grad_input grad_offset pooled_height pooled_width '
                                'spatial_scale sampling_ratio gamma',
    'sync_bn_forward_mean': 'input mean',
    'sync_bn_forward_var': 'input mean var',
    'sync_bn_forward_output': 'input mean var weight bias running_mean running_var norm std output eps momentum '
                              'group_size',
    'sync_bn_backward_param': 'grad_output norm grad_weight grad_bias',
    'sync_bn_backward_data': 'grad_output weight grad_weight grad_bias norm std grad_input',
    'sigmoid_focal_loss_forward': 'input target weight output gamma alpha',
    'sigmoid_focal_loss_backward': 'input target weight grad_input gamma alpha',
    'softmax_focal_loss_forward': 'input target weight output gamma alpha',
    'softmax_focal_loss_backward': 'input target weight buff grad_input gamma alpha',
}
FEATS = torch.randn(2, 3, 8, 10, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
ROIS = random_rois(9, 2, 40, 32)[3:].double()


@pytest.mark.parametrize('name', SIGNATURES)
def test_signatures_are_those_of_the_compiled_module(name: str) -> None:
    assert list(inspect.signature(getattr(mmcv_ext, name)).parameters) == SIGNATURES[name].split()
    assert name in mmcv_ext.__all__


@pytest.mark.parametrize(('ours', 'mmcvs'), [
    (lambda x: roi_align(x, ROIS, (3, 2), 0.25, 2), lambda x: mmcv.ops.roi_align(x, ROIS, (3, 2), 0.25, 2)),
    (lambda x: roi_align(x, ROIS, 3, 0.25, 0, False),
     lambda x: mmcv.ops.roi_align(x, ROIS, 3, 0.25, -1, 'avg', False)),
    (lambda x: roi_align_max(x, ROIS, 3, 0.25, 2), lambda x: mmcv.ops.roi_align(x, ROIS, 3, 0.25, 2, 'max')),
    (lambda x: roi_pool(x, ROIS, (3, 2), 0.25), lambda x: mmcv.ops.roi_pool(x, ROIS, (3, 2), 0.25)),
    (lambda x: deform_roi_pool(x, ROIS, x[:, :2, :6, 0].flatten(1)[:1].view(1, 2, 3, 2).expand(6, -1, -1, -1), (3, 2),
                               0.25, 2), lambda x: mmcv.ops.deform_roi_pool(
                                   x, ROIS, x[:, :2, :6, 0].flatten(1)[:1].view(1, 2, 3, 2).expand(6, -1, -1, -1),
                                   (3, 2), 0.25, 2)),
    (lambda x: sigmoid_focal_loss(x[0, 0], torch.arange(8)),
     lambda x: mmcv.ops.sigmoid_focal_loss(x[0, 0], torch.arange(8), 2.0, 0.25, None, 'none')),
    (lambda x: softmax_focal_loss(x[0, 0], torch.arange(8), weight=torch.arange(10.)).sum(),
     lambda x: mmcv.ops.softmax_focal_loss(x[0, 0], torch.arange(8), 2.0, 0.25, torch.arange(10.).double(), 'sum')),
])
def test_mmcv_ops_give_our_values_and_gradients(ours: object, mmcvs: object) -> None:
    """The compiled module's buffers are filled: through ``mmcv.ops`` each operator gives what ours gives."""
    results = []
    for operator in (ours, mmcvs):
        x = FEATS.clone().requires_grad_()
        with serving(mmcv_ext):
            pooled = operator(x)  # type: ignore[operator]
            (pooled * torch.arange(pooled.numel()).view_as(pooled)).sum().backward()
        results.append((pooled.detach(), x.grad))
    torch.testing.assert_close(*results)


@pytest.mark.parametrize('mode', ['default', 'N'])
def test_mmsyncbn_is_batch_norm_in_one_process(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Values, gradients and running statistics of PyTorch's own batch normalization."""
    monkeypatch.setattr(torch.distributed, 'get_world_size', lambda *_: 1)
    ours, torchs = mmcv.ops.SyncBatchNorm(3, stats_mode=mode), torch.nn.BatchNorm2d(3)
    results = []
    with serving(mmcv_ext):
        for layer in (ours, torchs):
            torch.nn.init.constant_(layer.weight, 1.5)
            x = FEATS.float().requires_grad_()
            (layer(x) * x.detach().cos()).sum().backward()
            results.append([x.grad, layer.weight.grad, layer.bias.grad, layer.running_mean, layer.running_var])
    torch.testing.assert_close(*results, rtol=1e-4, atol=1e-5)


def test_gradients_are_added_to_what_is_there() -> None:
    """mmcv's kernels add; a caller that passes a filled buffer keeps its content."""
    grad = torch.ones_like(FEATS)
    empty = FEATS.new_empty(0)
    mmcv_ext.roi_align_backward(torch.zeros(len(ROIS), 3, 2, 2).double(), ROIS, empty, empty, grad, aligned_height=2,
                                aligned_width=2, spatial_scale=0.25, sampling_ratio=2, pool_mode=1, aligned=True)
    assert torch.equal(grad, torch.ones_like(FEATS))


def test_soft_nms_writes_into_the_given_rows() -> None:
    boxes, dets = torch.tensor([[0., 0, 9, 9], [0, 0, 9, 8], [20, 20, 30, 30]]), torch.full((3, 5), -1.0)
    index = mmcv_ext.softnms(boxes, torch.tensor([0.9, 0.8, 0.7]), dets, 0.3, 0.5, 0.2, method=0, offset=0)
    assert index.tolist() == [0, 2]
    assert dets[:2, 4].tolist() == torch.tensor([0.9, 0.7]).tolist()
    assert (dets[2] == -1).all()


def test_every_name_is_found_and_special_ones_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'mmcv._ext', mmcv_ext)
    assert load_ext('_ext', ['nms', 'box_iou_rotated', 'an_operator_of_tomorrow']) is not None
    assert check_ops_exist()
    assert not hasattr(mmcv_ext, '__path__')
    assert not hasattr(mmcv_ext, '_private')
    assert inspect.getsourcefile(mmcv_ext)


def test_a_missing_operator_names_itself_its_caller_and_the_fix() -> None:
    with serving(mmcv_ext), pytest.raises(NotImplementedError) as caught:
        mmcv.ops.box_iou_rotated(torch.rand(2, 5), torch.rand(2, 5))
    message = str(caught.value)
    for part in ("'box_iou_rotated'", f'mmcv.ops.box_iou_rotated for {__name__}', 'OPS=compiled make setup',
                 '--no-build-isolation'):
        assert part in message
    assert '\n' not in message


def test_versions_claim_no_compiler() -> None:
    assert mmcv_ext.get_compiling_cuda_version() == 'not available'
    assert mmcv_ext.get_compiler_version().startswith('not available')

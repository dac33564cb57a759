"""Several scales around any backbone and head: sizes, fusion, losses, labels, errors."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.config import ConfigDict
from mmseg.registry import MODELS
from PIL import Image
from semantic_batches import random_labels, semantic_batch
from torch import nn

from mmseg_plugins.models.layers.label_grid import aligned_index, center_index, pick_labels

PRE = dict(type='SegDataPreProcessor', size=(49, 65), mean=[0.0] * 3, std=[1.0] * 3, pad_val=0, seg_pad_val=255)
LOSS = dict(type='CrossEntropyLoss', avg_non_ignore=True)
RESNET = dict(type='mmseg_plugins.CeilPoolResNet', host='mmseg', pool_padding=1, depth=18, base_channels=4,
              strides=(1, 2, 1, 1), dilations=(1, 1, 2, 4), out_indices=(0, 3))
HEADS = {
    'DeepLabV2Head': dict(type='mmseg_plugins.DeepLabV2Head', in_channels=32, in_index=1, label_stride=8),
    'ASPPHead': dict(type='ASPPHead', in_channels=32, in_index=1, channels=8, dilations=(1, 2),
                     norm_cfg=dict(type='BN')),
    'FPN-like': dict(type='FCNHead', in_channels=[4, 32], in_index=[0, 1], input_transform='resize_concat', channels=36,
                     num_convs=0, concat_input=False),
}


def segmentor(head='DeepLabV2Head', align_corners=True, **kwargs):
    head = dict(**HEADS[head], num_classes=3, align_corners=align_corners, loss_decode=LOSS)
    return MODELS.build(ConfigDict(
        type='mmseg_plugins.MultiScaleEncoderDecoder', data_preprocessor=PRE, backbone=dict(RESNET), decode_head=head,
        train_cfg=dict(), test_cfg=dict(mode='whole'), **kwargs))


def batch(model, labels, training):
    return model.data_preprocessor(semantic_batch(labels), training)


@pytest.mark.parametrize(('align', 'sides'), [(True, [321, 241, 161]), (False, [321, 240, 160])])
def test_scaled_images_have_the_published_sizes(align, sides):
    model = segmentor(align_corners=align)
    x = torch.randn(1, 3, 321, 321)
    assert [model.scaled(x, s).shape[-1] for s in model.scales[1:]] == sides[1:]
    assert [model.extract_feat(torch.zeros(1, 3, side, side))[-1].shape[-1] for side in sides] == [41, 31, 21]


def test_aligned_corners_keep_the_corners_and_whole_steps_keep_the_pixels():
    x = torch.randn(1, 3, 33, 41)
    half = segmentor().scaled(x, 0.5)
    torch.testing.assert_close(half, x[..., ::2, ::2])


class Scores(nn.Module):
    """What is traced: images in, fused scores out."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, x):
        return self.model._forward(x)


@pytest.mark.filterwarnings('ignore::torch.jit.TracerWarning')
@pytest.mark.parametrize('align', [True, False])
def test_a_net_traced_at_one_size_is_right_at_another(align):
    model = segmentor(align_corners=align).eval().requires_grad_(False)
    traced = torch.jit.trace(Scores(model), torch.randn(1, 3, 49, 65), check_trace=False)
    for size in ((81, 97), (49, 65), (33, 129), (50, 64)):
        x = torch.randn(2, 3, *size)
        torch.testing.assert_close(traced(x), model._forward(x))


@pytest.mark.parametrize('scale', [0.75, 0.5, 0.29, 1 / 3, 1.25, 0.7071])
def test_sides_with_aligned_corners_are_the_rules_at_every_size(scale):
    model = segmentor(scales=(1, scale))
    sides = [model.scaled(torch.zeros(1, 1, side, 1), scale).shape[-2] for side in range(1, 402, 4)]
    assert sides == [int((side - 1) * scale + 1e-6) + 1 for side in range(1, 402, 4)]


@pytest.mark.parametrize('head', HEADS)
@pytest.mark.parametrize('align', [True, False])
def test_trains_and_predicts_with_any_head_at_any_size(head, align):
    model = segmentor(head, align)
    data = batch(model, [random_labels((49, 65), 3), random_labels((49, 65), 3, seed=1)], True)
    losses = model.train()(**data, mode='loss')
    names = [name for name in losses if 'loss' in name]
    assert names == [f'decode_{part}.loss_ce' for part in ('x1', 'x0.75', 'x0.5', 'max')]
    sum(losses[name] for name in names).backward()
    assert all(p.grad is not None for p in model.parameters())
    data = batch(model, [random_labels((50, 67), 3)], False)
    result = model.eval()(**data, mode='predict')[0]
    assert tuple(result.pred_sem_seg.data.shape) == (1, 50, 67)
    assert tuple(result.seg_logits.data.shape) == (3, 50, 67)


def test_prediction_is_the_maximum_over_the_scales_enlarged():
    model = segmentor().eval()
    x = torch.randn(1, 3, 49, 65)
    with torch.no_grad():
        scores = [model.decode_head(model.extract_feat(model.scaled(x, s) if s != 1 else x)) for s in model.scales]
        same = [F.interpolate(s, size=scores[0].shape[2:], mode='bilinear', align_corners=True) for s in scores]
        fused = torch.maximum(torch.maximum(same[0], same[1]), same[2])
        torch.testing.assert_close(model(x, mode='tensor'), fused)
        assert (same[0] != fused).any()
        assert (same[2] == fused).any()
        big = F.interpolate(fused, size=(49, 65), mode='bilinear', align_corners=True)
        torch.testing.assert_close(model.encode_decode(x, [dict(img_shape=(49, 65))]), big)


def test_sliding_windows_are_fused_window_by_window():
    model = segmentor().eval()
    model.test_cfg = ConfigDict(mode='slide', crop_size=(33, 33), stride=(32, 32))
    x = torch.randn(1, 3, 33, 65)
    with torch.no_grad():
        out = model.inference(x, [dict(ori_shape=(33, 65), img_shape=(33, 65))])
        left = model.encode_decode(x[..., :33], [dict(img_shape=(33, 33))])
    torch.testing.assert_close(out[..., :32], left[..., :32])


def test_one_scale_is_the_hosts_segmentor():
    model = segmentor(scales=(1.0, ))
    data = batch(model, [random_labels((49, 65), 3)], True)
    losses = model.eval()(**data, mode='loss')
    expected = model.decode_head.loss(model.extract_feat(data['inputs']), data['data_samples'], {})
    torch.testing.assert_close(losses['decode_x1.loss_ce'], expected['loss_ce'])
    torch.testing.assert_close(losses['decode_max.loss_ce'], expected['loss_ce'])


def test_auxiliary_heads_are_trained_at_scale_1():
    aux = dict(type='FCNHead', in_channels=4, in_index=0, channels=4, num_convs=1, num_classes=3, loss_decode=LOSS)
    model = segmentor(auxiliary_head=aux)
    data = batch(model, [random_labels((49, 65), 3)], True)
    losses = model.eval()(**data, mode='loss')
    expected = model.auxiliary_head.loss(model.extract_feat(data['inputs']), data['data_samples'], {})
    torch.testing.assert_close(losses['aux.loss_ce'], expected['loss_ce'])


@pytest.mark.parametrize('options', [{}, dict(own_grids=(0.5, )), dict(own_grids=(0.75, 0.5), label_sampling='center')])
def test_a_batch_without_a_label_has_finite_losses_and_gradients(options):
    model = segmentor(**options)
    losses = model.train()(**batch(model, [torch.full((49, 65), 255)] * 2, True), mode='loss')
    total = sum(value for name, value in losses.items() if 'loss' in name)
    assert total == 0
    total.backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in model.parameters())


def test_losses_in_bfloat16_are_near_those_in_float32():
    model = segmentor(own_grids=(0.5, )).eval()
    data = batch(model, [random_labels((49, 65), 3)], True)
    exact = model(**data, mode='loss')
    with torch.autocast('cpu', torch.bfloat16):
        losses = model(**data, mode='loss')
    for name in exact:
        if 'loss' in name:
            assert losses[name].item() == pytest.approx(exact[name].item(), rel=0.05), name


def test_labels_of_half_the_scale_are_every_sixteenth():
    label = torch.arange(129 * 97).view(1, 129, 97)
    grid = label[:, ::8, ::8]
    assert torch.equal(pick_labels(grid, (9, 7), aligned_index), label[:, ::16, ::16])
    assert aligned_index(17, 13).tolist() == [0, 1, 3, 4, 5, 7, 8, 9, 11, 12, 13, 15, 16]
    assert aligned_index(5, 1).tolist() == [0]


@pytest.mark.parametrize(('side', 'size'), [(129, 17), (129, 13), (129, 9), (50, 7), (3, 5)])
def test_labels_under_the_centres_are_pillows(side, size):
    label = np.random.RandomState(0).randint(0, 255, (side, side), dtype=np.uint8)
    expected = np.asarray(Image.fromarray(label).resize((size, size), Image.NEAREST))
    assert torch.equal(pick_labels(torch.from_numpy(label)[None], (size, size), center_index)[0],
                       torch.from_numpy(expected.copy()))


def test_labels_under_the_centres_keep_height_and_width_apart():
    """kazuto1011's code gives Pillow (height, width) for (width, height)."""
    label = torch.arange(24).view(1, 4, 6)
    assert pick_labels(label, (2, 3), center_index).tolist() == [[[7, 9, 11], [19, 21, 23]]]


@pytest.mark.parametrize(('kwargs', 'words'), [
    (dict(scales=(0.5, 1.0)), 'must begin with 1'),
    (dict(scales=(1.0, 0.5, 0.5)), 'differ'),
    (dict(own_grids=(0.25, )), r'own_grids=\(0.25,\)'),
    (dict(label_sampling='pil'), "'stride' or 'center'"),
    (dict(head='ASPPHead', label_sampling='center'), 'label_stride, ASPPHead has none'),
])
def test_bad_arguments_are_named(kwargs, words):
    with pytest.raises(ValueError, match=words):
        segmentor(**kwargs)


def test_an_image_of_one_pixel_is_refused_or_read():
    pixel = torch.zeros(1, 3, 1, 1)
    with torch.no_grad():
        assert tuple(segmentor(align_corners=True).eval()(pixel, mode='tensor').shape) == (1, 3, 1, 1)
    with pytest.raises(ValueError, match=r'1 x 1 px at scale 0\.75; pad images to at least 2 px'):
        segmentor(align_corners=False).eval()(pixel, mode='tensor')


def test_the_former_spelling_of_the_sampling_is_taken():
    with pytest.warns(FutureWarning, match=r"label_sampling='centre' is a former name. Fix: write .*'center'"):
        assert segmentor(label_sampling='centre').label_sampling == 'center'

"""U-Net's head: labels cut to the scores, weight maps, every image size, refusals."""

import pytest
import torch
import torch.nn.functional as F
from mmengine.config import ConfigDict
from mmengine.registry import MODELS
from mmengine.structures import PixelData
from semantic_batches import random_labels, semantic_batch

from mmseg_plugins.models.layers.label_grid import center_offset


def segmentor(num_classes=3, wrapped=True, when='test', normalizer='valid', **test_cfg):
    """Three levels: 20 px are lost on each side, sizes 44 + 4 k."""
    net = dict(type='mmseg_plugins.ValidUNet', base_channels=2, levels=3)
    if wrapped:
        net = dict(type='mmseg_plugins.MirrorMargin', net=net, margin=20, divisor=4, remainder=4, when=when)
    model = MODELS.build(ConfigDict(
        type='mmseg_plugins.RotationAveragingEncoderDecoder', backbone=net, train_cfg=dict(),
        test_cfg=dict(mode='whole', **test_cfg),
        data_preprocessor=dict(type='SegDataPreProcessor', mean=[127.5] * 3, std=[60.0] * 3, size=(4, 4),
                               pad_val=0, seg_pad_val=255),
        decode_head=dict(
            type='mmseg_plugins.UNetHead', in_channels=2, in_index=0, num_classes=num_classes,
            loss_decode=dict(type='mmseg_plugins.WeightedCrossEntropyLoss', normalizer=normalizer))))
    torch.manual_seed(0)
    model.init_weights()
    return model


def test_label_is_cut_to_the_middle():
    model = segmentor().train()
    model.backbone.net.dropout.p = 0.0
    label = random_labels((60, 44), 3)
    data = model.data_preprocessor(semantic_batch([label]), True)
    losses = model.loss(**data)
    scores = model.decode_head(model.backbone(data['inputs']))
    assert scores.shape[2:] == (20, 4)
    expected = F.cross_entropy(scores, label[None, 20:40, 20:24], ignore_index=255)
    torch.testing.assert_close(losses['decode.loss_ce'], expected)


def test_weight_maps_of_different_sizes_weigh_the_pixels():
    model = segmentor(when='always', normalizer='weights').train()
    model.backbone.net.dropout.p = 0.0
    labels = [random_labels((20, 24), 3), random_labels((17, 24), 3, seed=1)]
    data = semantic_batch(labels)
    weights = [torch.rand(1, *label.shape) for label in labels]
    for sample, weight in zip(data['data_samples'], weights, strict=True):
        sample.gt_weight_map = PixelData(data=weight)
    model.data_preprocessor.size = (20, 24)
    data = model.data_preprocessor(data, True)
    loss = model.loss(**data)['decode.loss_ce']
    scores = model.decode_head(model.backbone(data['inputs']))[..., :20, :24]
    each = F.cross_entropy(scores, torch.cat([s.gt_sem_seg.data for s in data['data_samples']]), ignore_index=255,
                           reduction='none')
    total, divisor = torch.zeros(()), torch.zeros(())
    for row, (weight, label) in enumerate(zip(weights, labels, strict=True)):
        valid = weight[0] * (label != 255)
        total = total + (each[row, :len(label)] * valid).sum()
        divisor = divisor + valid.sum()
    torch.testing.assert_close(loss, total / divisor)


def test_one_map_missing_and_a_map_too_large_are_named():
    model = segmentor(when='always').train()
    data = semantic_batch([random_labels((20, 20), 3)] * 2)
    model.data_preprocessor.size = (20, 20)
    data['data_samples'][0].gt_weight_map = PixelData(data=torch.ones(1, 24, 20))
    data = model.data_preprocessor(data, True)
    with pytest.raises(ValueError, match='1 of 2 data samples lack gt_weight_map'):
        model.loss(**data)
    with pytest.raises(ValueError, match='gt_weight_map of 24 x 20 px, but a label of 20 x 20'):
        model.loss(data['inputs'][:1], data['data_samples'][:1])


def test_a_batch_without_labels_gives_a_gradient_everywhere():
    model = segmentor(when='always').train()
    model.data_preprocessor.size = (20, 20)
    data = model.data_preprocessor(semantic_batch([torch.full((20, 20), 255)]), True)
    loss = model.loss(**data)['decode.loss_ce']
    loss.backward()
    assert loss.item() == 0
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


@pytest.mark.parametrize('size', [(1, 1), (21, 40)])
def test_every_pixel_gets_a_score(size):
    model = segmentor().eval()
    data = model.data_preprocessor(semantic_batch([random_labels(size, 3)]), False)
    with torch.no_grad():
        result = model.predict(**data)[0]
        scores = model.decode_head(model.backbone(data['inputs']))[..., :size[0], :size[1]]
    torch.testing.assert_close(result.seg_logits.data, scores[0])


def test_slides_are_of_their_own_size():
    model = segmentor().eval()
    model.test_cfg.update(mode='slide', crop_size=(20, 20), stride=(10, 10))
    data = model.data_preprocessor(semantic_batch([random_labels((30, 20), 3)]), False)
    with torch.no_grad():
        assert model.predict(**data)[0].seg_logits.data.shape == (3, 30, 20)


def test_prediction_without_a_margin_says_what_to_do():
    model = segmentor(wrapped=False).eval()
    data = model.data_preprocessor(semantic_batch([random_labels((44, 44), 3)]), False)
    with pytest.raises(ValueError, match=r'scores of 4 x 4 for an image of 44 x 44 px.*MirrorMargin'):
        model.predict(**data)


def test_offsets():
    assert center_offset(572, 388) == (92, 388)
    assert center_offset(20, 36) == (0, 20)
    with pytest.raises(ValueError, match='half a pixel off'):
        center_offset(21, 20)


def test_stock_unet_feeds_the_head():
    model = MODELS.build(dict(
        type='EncoderDecoder', train_cfg=dict(), test_cfg=dict(mode='whole'),
        backbone=dict(type='UNet', base_channels=2, norm_cfg=dict(type='BN')),
        decode_head=dict(type='mmseg_plugins.UNetHead', in_channels=2, in_index=4, num_classes=3,
                         loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True))))
    samples = semantic_batch([random_labels((32, 48), 3)])['data_samples']
    losses = model.loss(torch.randn(1, 3, 32, 48), samples)
    assert losses['decode.loss_ce'].isfinite()

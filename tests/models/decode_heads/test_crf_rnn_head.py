"""CRF-RNN around decode heads: what is trained, in how many iterations, on which colours."""

import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.registry import MODELS
from semantic_batches import random_labels, semantic_batch
from torch import nn

from mmseg_plugins.engine.checks.compatibility import check_model
from mmseg_plugins.models.crf.crf_rnn import CRFRNN

MEAN, STD = [123.675, 116.28, 103.53], [58.395, 57.12, 57.375]
HEADS = {
    'mmseg.FCNHead': dict(in_channels=16, in_index=3, channels=4, num_convs=1),
    'mmseg.FCNHead at -1': dict(in_channels=16, in_index=-1, channels=4, num_convs=1),
    'mmseg.ASPPHead': dict(in_channels=16, in_index=3, channels=4, dilations=(1, 2)),
    'mmseg.UPerHead': dict(in_channels=[2, 4, 8, 16], in_index=[0, 1, 2, 3], channels=4, pool_scales=(1, 2)),
}


def segmentor(name='mmseg.FCNHead', *, head=None, **wrapper):
    options = dict(dict(num_classes=5), type=name.split(' ')[0], norm_cfg=dict(type='BN'),
                   loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True), **HEADS[name])
    options.update(head or {})
    torch.manual_seed(0)
    return MODELS.build(ConfigDict(
        type='EncoderDecoder',
        data_preprocessor=dict(type='SegDataPreProcessor', mean=MEAN, std=STD, bgr_to_rgb=True, size=(33, 46)),
        backbone=dict(type='mmseg_plugins.WithImage', net=dict(type='mmseg.ResNet', depth=18, base_channels=2)),
        decode_head=dict(type='mmseg_plugins.CRFRNNHead', decode_head=options, mean=MEAN, std=STD, **wrapper),
        test_cfg=dict(mode='whole')))


def losses(model, labels):
    batch = model.data_preprocessor(semantic_batch(labels), training=True)
    return model.loss(**batch)


@pytest.mark.parametrize('name', list(HEADS))
@pytest.mark.parametrize('void', [0.1, 1.0])
def test_every_parameter_is_trained_also_where_nothing_is_labelled(name, void):
    model = segmentor(name)
    check_model(model)
    found = losses(model, [random_labels((33, 46), 5, void=void, seed=seed) for seed in (0, 1)])
    assert found['decode.loss_ce'].isfinite()
    found['decode.loss_ce'].backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())
    if void < 1:
        assert model.decode_head.crfrnn.compatibility_matrix.grad.abs().sum() > 0


def test_iterations_of_training_and_of_the_test():
    head = segmentor(iterations=(1, 3)).decode_head
    maps = (torch.randn(1, 2, 9, 12), torch.randn(1, 4, 5, 6), torch.randn(1, 8, 3, 3), torch.randn(1, 16, 2, 2),
            torch.randn(1, 3, 33, 46))
    colors = maps[-1] * torch.tensor(STD).view(3, 1, 1) + torch.tensor(MEAN).view(3, 1, 1)
    for training, steps in ((True, 1), (False, 3)):
        head.train(training)
        for module in head.modules():
            if isinstance(module, nn.BatchNorm2d | nn.Dropout2d):
                module.eval()
        torch.testing.assert_close(head(maps), head.crfrnn(colors, head.unary(maps), steps))


def test_the_kernel_of_colours_sees_the_image_before_it_was_normalised():
    model = segmentor(crf=dict(gamma=1e-3, alpha=1000.0, beta=20.0)).eval()
    seen = []
    model.decode_head.crfrnn.forward = lambda image, logits, steps: seen.append(image) or logits
    batch = semantic_batch([random_labels((33, 46), 5)])
    model.test_step(batch)
    torch.testing.assert_close(seen[0], batch['inputs'][0].flip(0)[None].float())  # BGR file -> RGB net


def test_predictions_have_the_size_of_the_image_and_are_sharpened():
    model = segmentor().eval()
    sample = model.test_step(semantic_batch([random_labels((33, 47), 5)]))[0]
    assert sample.pred_sem_seg.shape == (33, 47)
    assert sample.seg_logits.data.shape == (5, 33, 47)


def test_without_iterations_it_is_the_wrapped_head():
    model = segmentor(iterations=(0, 0)).eval()
    image = torch.randn(1, 3, 32, 40)
    maps = model.extract_feat(image)
    torch.testing.assert_close(model.decode_head(maps), model.decode_head.unary(maps))


def test_one_channel_is_refined_as_two_classes():
    loss = dict(type='CrossEntropyLoss', use_sigmoid=True)
    model = segmentor(head=dict(num_classes=2, out_channels=1, threshold=0.5, loss_decode=loss)).eval()
    head, image = model.decode_head, torch.randn(1, 3, 32, 40)
    maps = model.extract_feat(image)
    one, colors = head.unary(maps), image * head.std + head.mean
    two = head.crfrnn(colors, torch.cat([torch.zeros_like(one), one], 1), 10).softmax(1)
    torch.testing.assert_close(head(maps).sigmoid(), two[:, 1:])
    assert not torch.equal(head(maps), one)


def test_heads_that_cannot_be_refined_are_refused():
    model = segmentor()
    model.decode_head.head.forward = lambda maps: [maps[0], maps[0]]
    with pytest.raises(ValueError, match='FCNHead gives list'):
        model.decode_head((torch.zeros(1, 2, 4, 4), torch.zeros(1, 3, 8, 8)))


def test_a_loss_on_the_heads_own_grid_is_refused():
    with pytest.raises(ValueError, match='label_stride=8'):
        MODELS.build(dict(
            type='mmseg_plugins.CRFRNNHead', decode_head=dict(
                type='mmseg_plugins.FCNSkipHead', in_channels=[8, 3], num_classes=3, label_stride=8,
                loss_decode=dict(type='CrossEntropyLoss'))))


def test_a_checkpoint_without_the_layer_is_read_into_the_wrapped_head():
    model = segmentor()
    weights = {key.replace('decode_head.head.', 'decode_head.'): torch.randn_like(value.float())
               for key, value in model.state_dict().items() if 'crfrnn' not in key}
    result = model.load_state_dict(weights, strict=False)
    assert result.unexpected_keys == []
    assert {key.split('.')[1] for key in result.missing_keys} == {'crfrnn'}
    torch.testing.assert_close(model.decode_head.head.conv_seg.weight, weights['decode_head.conv_seg.weight'])
    again = segmentor()
    again.load_state_dict(model.state_dict(), strict=True)


def test_first_matrices_are_the_papers():
    layer = CRFRNN(3)
    assert [m.diagonal().tolist() for m in layer.parameters()] == [[3.0] * 3, [5.0] * 3, [1.0] * 3]
    assert all(int((m != 0).sum()) == 3 for m in layer.parameters())

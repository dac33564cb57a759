"""DilatedNet's head: labels of its grid, the zoom, frozen scores, refusals."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.config import ConfigDict
from mmengine.registry import MODELS
from semantic_batches import random_labels, semantic_batch

from mmseg_plugins.models.decode_heads.dilation_head import zoom_corner


def segmentor(padding='same', when='test', frozen=0, **head):
    net = dict(type='mmseg_plugins.VGG', depth=16, base_channels=2, pool_strides=(2, 2, 2, 0, 0), padding=padding,
               dilations=(1, 1, 1, 1, 2), ceil_mode=True, out_indices=(4, ), frozen_stages=frozen)
    if padding == 'valid':
        net = dict(type='mmseg_plugins.MirrorMargin', net=net, margin=186, divisor=8, when=when)
    model = MODELS.build(ConfigDict(
        type='EncoderDecoder', backbone=net, train_cfg=dict(), test_cfg=dict(mode='whole'),
        decode_head=dict(
            type='mmseg_plugins.DilationHead', in_channels=16, in_index=0, num_classes=3, fc_channels=4, dropout=0.0,
            padding=padding, loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True), **head)))
    torch.manual_seed(0)
    model.init_weights()
    return model


def slow_zoom(x, zoom, height, width):
    """Sample i / zoom, linearly between neighbours, the last one repeated; one channel at a time."""
    result = np.empty((len(x), height, width))
    for i in range(height):
        for j in range(width):
            r, c = i / zoom, j / zoom
            r0, c0 = int(r), int(c)
            r1, c1 = min(r0 + 1, x.shape[1] - 1), min(c0 + 1, x.shape[2] - 1)
            a, b = r - r0, c - c0
            result[:, i, j] = ((1 - a) * ((1 - b) * x[:, r0, c0] + b * x[:, r0, c1]) +
                               a * ((1 - b) * x[:, r1, c0] + b * x[:, r1, c1]))
    return result


@pytest.mark.parametrize('size', [(24, 32), (17, 25), (1, 1)])
def test_zoom_stands_on_the_corner(size):
    x = np.random.default_rng(0).random((2, 3, 4)).astype(np.float32)
    ours = zoom_corner(torch.from_numpy(x)[None], 8, *size)[0]
    np.testing.assert_allclose(ours.numpy(), slow_zoom(x, 8, *size), atol=1e-6)


def test_prediction_interpolates_probabilities():
    model = segmentor().eval()
    data = semantic_batch([random_labels((37, 53), 3)])
    with torch.no_grad():
        image = torch.stack([image.float() / 99 for image in data['inputs']])
        logits = model.predict(image, data['data_samples'])[0].seg_logits.data
        scores = model.decode_head(model.backbone(image))
    assert scores.shape == (1, 3, 5, 7)
    torch.testing.assert_close(logits.softmax(0), zoom_corner(scores.softmax(1), 8, 37, 53)[0])


@pytest.mark.parametrize(('padding', 'when', 'size', 'first'), [
    ('same', 'test', (41, 48), 0), ('valid', 'always', (9, 16), 0), ('valid', 'test', (388, 396), 186),
])
def test_loss_reads_every_eighth_label(padding, when, size, first):
    model = segmentor(padding, when, context='basic7').train()
    label = random_labels(size, 3)
    image = torch.randn(1, 3, *size)
    losses = model.loss(image, semantic_batch([label])['data_samples'])
    scores = model.decode_head(model.backbone(image))
    grid = label[None, first::8, first::8][:, :scores.shape[2], :scores.shape[3]]
    assert grid.shape == scores[:, 0].shape
    torch.testing.assert_close(losses['decode.loss_ce'], F.cross_entropy(scores, grid, ignore_index=255))


@pytest.mark.parametrize(('padding', 'when', 'size', 'first'), [('same', 'test', (41, 48), 0),
                                                                ('valid', 'test', (388, 396), 186)])
def test_deconvolution_scores_every_pixel(padding, when, size, first):
    model = segmentor(padding, when, zoom='deconv').train()
    label = random_labels(size, 3)
    image = torch.randn(1, 3, *size)
    loss = model.loss(image, semantic_batch([label])['data_samples'])['decode.loss_ce']
    scores = model.decode_head(model.backbone(image))
    inner = label[None, first:size[0] - first, first:size[1] - first]
    large = F.interpolate(scores, scale_factor=8, mode='bilinear', align_corners=False)
    ours = model.decode_head.upsample(scores)
    torch.testing.assert_close(ours[..., 4:-4, 4:-4], large[..., 4:-4, 4:-4])
    torch.testing.assert_close(loss, F.cross_entropy(ours[..., :inner.shape[1], :inner.shape[2]], inner,
                                                     ignore_index=255))
    assert not model.decode_head.upsample.weight.requires_grad


def test_any_size_in_a_mirrored_margin():
    model = segmentor('valid', context='basic8', zoom='deconv').eval()
    for size in ((1, 1), (19, 40)):
        data = semantic_batch([random_labels(size, 3)])
        with torch.no_grad():
            result = model.predict(torch.randn(1, 3, *size), data['data_samples'])[0]
        assert result.seg_logits.data.shape == (3, *size)
        assert result.pred_sem_seg.data.shape == (1, *size)


def test_second_stage_trains_the_context_module_alone():
    model = segmentor('same', frozen=5, context='basic7', frozen_scores=True).train()
    model.decode_head.drop.p = 0.9
    trained = {name for name, p in model.named_parameters() if p.requires_grad}
    assert trained == {name for name, _ in model.named_parameters() if name.startswith('decode_head.context.')}
    assert not model.decode_head.drop.training
    image, samples = torch.randn(1, 3, 16, 24), semantic_batch([random_labels((16, 24), 3)])['data_samples']
    first, again = (model.loss(image, samples)['decode.loss_ce'] for _ in range(2))
    assert torch.equal(first, again)
    first.backward()
    assert all((p.grad is not None) == (name in trained) for name, p in model.named_parameters())
    with pytest.raises(ValueError, match='leaves nothing to train'):
        segmentor(frozen_scores=True)


def test_a_batch_without_labels_gives_a_gradient_everywhere():
    model = segmentor(context='large').train()
    samples = semantic_batch([torch.full((16, 24), 255)])['data_samples']
    loss = model.loss(torch.randn(1, 3, 16, 24), samples)['decode.loss_ce']
    loss.backward()
    assert loss.item() == 0
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_first_weights():
    head = segmentor(context='basic8').decode_head
    assert head.score.weight.std().item() == pytest.approx(0.001, rel=0.5)
    scores = torch.randn(1, 3, 9, 11)
    assert (head.context(scores) - scores.clamp(min=0)).abs().max() < 0.5  # the identity but for the noise
    assert segmentor(context='basic8', noise=0.0).decode_head.context(scores).equal(scores.clamp(min=0))


def test_fully_connected_layers_of_a_vgg_are_read():
    head = segmentor().decode_head
    vgg = {'classifier.0.weight': torch.randn(4, 16 * 49), 'classifier.0.bias': torch.randn(4),
           'classifier.3.weight': torch.randn(4, 4), 'classifier.3.bias': torch.randn(4)}
    missing, unexpected = head.load_state_dict(vgg, strict=False)
    assert set(missing) == {'score.weight', 'score.bias'}
    assert unexpected == []
    assert torch.equal(head.fc6.weight.flatten(1), vgg['classifier.0.weight'])


def test_refusals_name_value_rule_and_fix():
    with pytest.raises(ValueError, match="zoom='nearest', it must be one of"):
        segmentor(zoom='nearest')
    with pytest.raises(ValueError, match=r"variant='basic9', it must be one of \['basic10', 'basic7'"):
        segmentor(context='basic9')
    head = segmentor().decode_head
    samples = semantic_batch([random_labels((388, 388), 3)])['data_samples']
    with pytest.raises(ValueError, match=r'3 scores for 388 px of labels; there must be 49 .* or 2 \(unpadded, 186 px'):
        head.loss_by_feat(torch.zeros(1, 3, 3, 3), samples)
    with pytest.raises(ValueError, match=r'4 x 4 scores, but an image of 40 x 40 px has 5 x 5 at stride 8.*margin=186'):
        head.predict_by_feat(torch.zeros(1, 3, 4, 4), [dict(img_shape=(40, 40))])

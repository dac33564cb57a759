"""Sampling with dropout: mean and variance against a loop, reproducible, off by default, in slide mode too."""

import pytest
import torch
from mmengine.registry import DefaultScope
from semantic_batches import random_labels, semantic_batch
from tiny_segnet import TINY, segmentor, segnet_parts

KIND = 'mmseg_plugins.BayesianEncoderDecoder'
CLASSES = 5
ONE_CHANNEL = dict(num_classes=2, out_channels=1, threshold=0.5, loss_decode=dict(
    type='CrossEntropyLoss', use_sigmoid=True))


@pytest.fixture(autouse=True)
def _mmseg_scope():
    with DefaultScope.overwrite_default_scope('mmseg'):
        yield


def bayesian(kind=KIND, dropout=True, head=None, **test_cfg):
    torch.manual_seed(0)
    stages = dict(dropout_stages=(3, 4, 5)) if dropout else {}
    blocks = dict(dropout_blocks=(5, 4, 3)) if dropout else {}
    model = segmentor(segnet_parts(TINY, net=stages, **blocks, **(head or dict(num_classes=CLASSES))), kind, **test_cfg)
    model.init_weights()
    return model.eval()


def predict(model, size=(40, 56)):
    with torch.no_grad():
        data = model.data_preprocessor(semantic_batch([random_labels(size, CLASSES)]), False)
        return model.predict(data['inputs'], data['data_samples'])[0]


def test_without_samples_it_is_the_stock_segmentor():
    ours = predict(bayesian())
    stock = predict(bayesian('EncoderDecoder'))
    assert torch.equal(ours.seg_logits.data, stock.seg_logits.data)
    assert 'uncertainty' not in ours


def test_mean_and_variance_are_those_of_the_single_passes():
    model = bayesian(samples=6, sample_seed=3)
    sample = predict(model)
    stock = bayesian('EncoderDecoder')
    stock.load_state_dict(model.state_dict())
    for module in stock.modules():
        if isinstance(module, torch.nn.Dropout):
            module.train()
    with torch.random.fork_rng():
        torch.manual_seed(3)
        chances = torch.stack([predict(stock).seg_logits.data.softmax(0) for _ in range(6)])
    assert chances.std(0).max() > 1e-3
    torch.testing.assert_close(sample.seg_logits.data.softmax(0), chances.mean(0))
    torch.testing.assert_close(sample.class_variance.data, chances.var(0, unbiased=False), rtol=1e-3, atol=1e-7)
    torch.testing.assert_close(sample.uncertainty.data[0], sample.class_variance.data.mean(0))
    assert torch.equal(sample.pred_sem_seg.data[0], chances.mean(0).argmax(0))


@pytest.mark.parametrize('mode', [dict(), dict(mode='slide', crop_size=(32, 32), stride=(16, 16))])
def test_one_channel_gives_the_mean_of_the_sigmoids_and_its_threshold(mode):
    model = bayesian(head=ONE_CHANNEL, samples=6, sample_seed=3, **mode)
    stock = bayesian('EncoderDecoder', head=ONE_CHANNEL, **mode)
    stock.load_state_dict(model.state_dict())
    for module in stock.modules():
        if isinstance(module, torch.nn.Dropout):
            module.train()
    with torch.random.fork_rng():
        torch.manual_seed(3)
        chances = torch.stack([predict(stock).seg_logits.data for _ in range(6)])
    model.decode_head.threshold = chances.mean(0).median().item()
    sample = predict(model)
    assert sample.seg_logits.shape == sample.class_variance.shape == (40, 56)
    torch.testing.assert_close(sample.seg_logits.data, chances.mean(0))
    torch.testing.assert_close(sample.class_variance.data, chances.var(0, unbiased=False), rtol=1e-3, atol=1e-7)
    assert torch.equal(sample.pred_sem_seg.data, (sample.seg_logits.data > model.decode_head.threshold).float())
    assert sample.pred_sem_seg.data.mean() == pytest.approx(0.5, abs=0.01)


def test_a_picture_always_gets_the_same_answer_and_the_generator_is_left_alone():
    model = bayesian(samples=2)
    state = torch.get_rng_state()
    first = predict(model)
    assert torch.equal(torch.get_rng_state(), state)
    torch.rand(5)
    assert torch.equal(predict(model).uncertainty.data, first.uncertainty.data)
    assert not any(module.training for module in model.modules())
    other = bayesian(samples=2, sample_seed=1)
    assert not torch.equal(predict(other).uncertainty.data, first.uncertainty.data)


def test_windows_and_padding_keep_the_frame_of_the_image():
    model = bayesian(samples=2, mode='slide', crop_size=(32, 32), stride=(16, 16))
    sample = predict(model, (41, 57))
    assert sample.class_variance.data.shape == (CLASSES, 41, 57)
    assert sample.uncertainty.data.shape == (1, 41, 57)
    assert sample.seg_logits.data.shape == (CLASSES, 41, 57)


@pytest.mark.parametrize(('model', 'words'), [
    (dict(dropout=False, samples=2), 'has no dropout.*dropout_stages'), (dict(samples=-1), 'samples=-1 must be 0')])
def test_settings_that_cannot_work_are_named(model, words):
    with pytest.raises(ValueError, match=words):
        predict(bayesian(**model))


def test_training_is_the_stock_one_and_uses_the_dropouts():
    model = bayesian(samples=2).train()
    data = model.data_preprocessor(semantic_batch([random_labels((32, 32), CLASSES)] * 2), True)
    first, second = (model.loss(data['inputs'], data['data_samples'])['decode.loss_ce'] for _ in range(2))
    assert first.isfinite()
    assert first != second

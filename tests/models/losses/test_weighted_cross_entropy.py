"""Class-weighted cross entropy: the golden case, the definition pixel by pixel, void, mmseg's heads, errors."""

import math

import pytest
import torch
import torch.nn.functional as F
from golden_cases import GoldenCase
from mmengine.registry import DefaultScope
from mmseg.models.decode_heads import FCNHead
from semantic_batches import random_labels, semantic_batch

from mmseg_plugins.models.losses import WeightedCrossEntropyLoss, weighted_cross_entropy
from mmseg_plugins.models.losses.weighted_cross_entropy import NORMALIZERS

WEIGHTS = [0.5, 2.0, 0.0, 7.5]


def slow(logits, label, class_weight, pixel_weight, normalizer):
    """The definition, pixel by pixel in python's numbers."""
    total = valid = weights = 0
    images, _, height, width = logits.shape
    for b in range(images):
        for y in range(height):
            for x in range(width):
                k = int(label[b, y, x])
                if k == 255:
                    continue
                scores = logits[b, :, y, x].tolist()
                high = max(scores)
                log_sum = high + math.log(sum(math.exp(s - high) for s in scores))
                w = class_weight[k] * float(pixel_weight[b, y, x])
                total, valid, weights = total + w * (log_sum - scores[k]), valid + 1, weights + w
    divisor = dict(valid=valid, weights=weights, batch=images, all=label.numel(), sum=1)[normalizer]
    return total / divisor


def example(seed=0, size=(5, 7), dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    logits = 4 * torch.randn(3, 4, *size, generator=generator, dtype=torch.float64)
    label = torch.stack([random_labels(size, 4, void=0.3, seed=seed + i) for i in range(3)])
    weight = torch.rand(3, *size, generator=generator, dtype=torch.float64)
    return logits.to(dtype).requires_grad_(), label, weight


@pytest.mark.golden
def test_agrees_with_the_reference():
    case = GoldenCase('weighted_ce')
    label, class_weight = case.arrays['label'], case.arrays['class_weight']
    names = dict(count='valid', weight_sum='weights', batch='batch', sum='sum')
    outputs = {}
    for name, normalizer in names.items():
        logits = case.arrays['logits'].clone().requires_grad_()
        loss = WeightedCrossEntropyLoss(class_weight.tolist(), normalizer)(logits, label)
        assert loss.item() == pytest.approx(case.facts['losses'][f'weighted_{name}'], rel=1e-6)
        if f'grad_weighted_{name}' in case.arrays:
            outputs[f'grad_weighted_{name}'] = torch.autograd.grad(loss, logits)[0]
    outputs['pixel_map_weighted'] = weighted_cross_entropy(case.arrays['logits'], label, class_weight=class_weight)
    case.check(outputs)
    for name, normalizer in dict(sum='sum', mean_valid='valid', mean_all_pixels='all').items():
        loss = WeightedCrossEntropyLoss(normalizer=normalizer)(case.arrays['logits'], label)
        assert loss.item() == pytest.approx(case.facts['losses'][f'unweighted_{name}'], rel=1e-6)


@pytest.mark.parametrize('normalizer', NORMALIZERS)
@pytest.mark.parametrize('size', [(1, 1), (5, 7)])
def test_agrees_with_the_definition(normalizer, size):
    for seed in range(3):
        logits, label, weight = example(seed, size)
        label[0, 0, 0] = 1
        loss = WeightedCrossEntropyLoss(WEIGHTS, normalizer)(logits, label, weight=weight)
        assert loss.item() == pytest.approx(slow(logits, label, WEIGHTS, weight, normalizer), rel=1e-6)


def test_sums_are_pytorchs_where_pytorch_has_them():
    logits, label, _ = example(dtype=torch.float32)
    class_weight = torch.tensor(WEIGHTS)
    for normalizer, reduction in (('weights', 'mean'), ('sum', 'sum')):
        torch.testing.assert_close(
            WeightedCrossEntropyLoss(WEIGHTS, normalizer)(logits, label),
            F.cross_entropy(logits, label, weight=class_weight, ignore_index=255, reduction=reduction))


def test_gradients_pass_a_numeric_check():
    logits, label, weight = example(size=(2, 3))
    loss = WeightedCrossEntropyLoss(WEIGHTS, 'weights')
    assert torch.autograd.gradcheck(lambda x: loss(x, label, weight=weight), logits)


@pytest.mark.parametrize('normalizer', NORMALIZERS)
@pytest.mark.parametrize('class_weight', [None, WEIGHTS])
def test_an_all_void_batch_is_a_connected_zero(normalizer, class_weight):
    logits = torch.randn(2, 4, 3, 3, requires_grad=True)
    loss = WeightedCrossEntropyLoss(class_weight, normalizer)(logits, torch.full((2, 3, 3), 255))
    loss.backward()
    assert loss == 0
    assert torch.equal(logits.grad, torch.zeros_like(logits))


def test_classes_of_weight_0_only_are_a_connected_zero():
    logits = torch.randn(1, 4, 3, 3, requires_grad=True)
    loss = WeightedCrossEntropyLoss(WEIGHTS, 'weights')(logits, torch.full((1, 3, 3), 2))
    loss.backward()
    assert loss == 0
    assert logits.grad.isfinite().all()


def test_void_pixels_get_no_gradient_and_another_ignored_label_works():
    logits, label, _ = example()
    WeightedCrossEntropyLoss(WEIGHTS)(logits, label).backward()
    void = (label == 255)[:, None].expand_as(logits)
    assert void.any()
    assert (logits.grad[void] == 0).all()
    moved = torch.where(label == 255, 11, label)
    by_call = WeightedCrossEntropyLoss(WEIGHTS)(logits, moved, ignore_index=11)
    assert by_call == WeightedCrossEntropyLoss(WEIGHTS, ignore_index=11)(logits, moved)
    assert by_call == WeightedCrossEntropyLoss(WEIGHTS)(logits, label)


def test_reductions_and_factors():
    logits, label, weight = example()
    pixels = weighted_cross_entropy(logits, label, class_weight=torch.tensor(WEIGHTS), pixel_weight=weight)
    loss = WeightedCrossEntropyLoss(WEIGHTS, loss_weight=0.4)
    torch.testing.assert_close(loss(logits, label, weight, reduction_override='none'), 0.4 * pixels)
    torch.testing.assert_close(loss(logits, label, weight, reduction_override='sum'), 0.4 * pixels.sum())
    torch.testing.assert_close(loss(logits, label, weight, avg_factor=9), 0.4 * pixels.sum() / 9)
    assert loss.state_dict() == {}
    assert WeightedCrossEntropyLoss(loss_name='loss_border').loss_name == 'loss_border'


def test_low_precision_scores_and_byte_labels():
    logits = 300 * torch.randn(1, 4, 8, 8)
    label = torch.zeros(1, 8, 8, dtype=torch.uint8)
    for dtype in (torch.bfloat16, torch.float16):
        loss = WeightedCrossEntropyLoss(WEIGHTS, 'sum')(logits.to(dtype), label)
        assert loss.dtype == torch.float32
        assert loss.isfinite()


def test_rows_of_scores_work_as_well():
    logits, label = torch.randn(6, 4), torch.tensor([0, 1, 255, 3, 1, 1])
    torch.testing.assert_close(
        WeightedCrossEntropyLoss(WEIGHTS, 'weights')(logits, label),
        F.cross_entropy(logits, label, weight=torch.tensor(WEIGHTS), ignore_index=255))


@pytest.mark.parametrize('sampler', [None, dict(type='OHEMPixelSampler', thresh=0.7, min_kept=20),
                                     dict(type='OHEMPixelSampler', min_kept=20)])
def test_in_a_stock_head_with_255_in_the_labels(sampler):
    """Stock CrossEntropyLoss(class_weight=...) fails here; the pixel samplers ask for the loss of each pixel."""
    loss = dict(type='mmseg_plugins.WeightedCrossEntropyLoss', class_weight=WEIGHTS, loss_name='loss_weighted')
    with DefaultScope.overwrite_default_scope('mmseg'):
        head = FCNHead(
            in_channels=3, channels=4, num_convs=1, num_classes=4, loss_decode=loss, sampler=sampler, norm_cfg=None)
    samples = semantic_batch([random_labels((16, 16), 4), random_labels((16, 16), 4, void=1)])['data_samples']
    losses = head.loss((torch.randn(2, 3, 4, 4), ), samples, {})
    assert losses['loss_weighted'] > 0
    losses['loss_weighted'].backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in head.parameters())


SCORES = torch.zeros(1, 4, 2, 2)


@pytest.mark.parametrize(('call', 'words'), [
    (lambda: WeightedCrossEntropyLoss(normalizer='mean'), ["'mean'", "'valid', 'weights'"]),
    (lambda: WeightedCrossEntropyLoss([1, -1]), ['[1.0, -1.0]', 'at least 0']),
    (lambda: WeightedCrossEntropyLoss([0, 0]), ['not all 0']),
    (lambda: WeightedCrossEntropyLoss([1, math.inf]), ['inf', 'finite']),
    (lambda: WeightedCrossEntropyLoss([1, 2, 3])(SCORES, torch.zeros(1, 2, 2)), ['3 numbers', '4 classes']),
    (lambda: WeightedCrossEntropyLoss()(SCORES, torch.zeros(1, 2, 3)), ['(1, 4, 2, 2)', '(1, 2, 3)']),
    (lambda: WeightedCrossEntropyLoss()(SCORES, torch.zeros(1, 2, 2), torch.ones(1, 1, 2, 2)), ['(1, 1, 2, 2)']),
    (lambda: WeightedCrossEntropyLoss()(SCORES[:, :1], torch.zeros(1, 2, 2)), ['1 class', 'sigmoid']),
    (lambda: WeightedCrossEntropyLoss()(SCORES, torch.tensor([[[0, 255], [4, 30]]])), ['[4, 30]', '0 to 3', '255']),
    (lambda: WeightedCrossEntropyLoss()(SCORES, torch.tensor([[[0, -1], [3, 255]]])), ['[-1]']),
    (lambda: WeightedCrossEntropyLoss()(SCORES, torch.zeros(1, 2, 2), reduction_override='max'), ["'max'"]),
    (lambda: WeightedCrossEntropyLoss()(SCORES, torch.zeros(1, 2, 2), avg_factor=3, reduction_override='sum'),
     ['avg_factor=3', "'sum'"]),
])
def test_errors_name_value_and_rule(call, words):
    with pytest.raises(ValueError) as error:
        call()
    assert all(word in str(error.value) for word in words)

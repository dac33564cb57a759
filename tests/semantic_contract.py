"""What every semantic system must do: train on any labels, predict any size or say which sizes it takes."""

from __future__ import annotations

import torch
from mmengine.config import ConfigDict
from mmengine.registry import DefaultScope
from quick_weights import quick_weights
from semantic_batches import random_labels, semantic_batch
from torch import Tensor, nn

from mmseg_plugins.models.segmentors import MeanTTAModel
from mmseg_plugins.registry import MODELS

SHORT_OF = ('divis', 'multiple', 'at least', 'exactly', 'pad')  # how an error may name the sizes a network takes


def build_segmentor(model: dict, size: int) -> nn.Module:
    """A config's ``model`` for training crops of ``size`` px, in training mode, without files of first weights."""
    preprocessor = dict(model['data_preprocessor'])
    if preprocessor.get('size') is not None:
        preprocessor['size'] = (size, size)
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope('mmseg'), quick_weights():
        return MODELS.build(ConfigDict(model, data_preprocessor=preprocessor)).train()


def label_batches(size: int, num_classes: int) -> dict[str, list[Tensor]]:
    """Labels of two crops: labelled but for a tenth, one of the two all void, both all void."""
    full = random_labels((size, size), num_classes)
    other, void = random_labels((size, size), num_classes, seed=1), torch.full((size, size), 255)
    return {'normal': [full, other], 'half-void': [full, void], 'all-void': [void, void]}


def check_training(model: nn.Module, size: int) -> None:
    """Losses are finite and reach every trainable parameter, whatever is labelled."""
    for kind, labels in label_batches(size, model.num_classes).items():
        model.zero_grad()
        data = model.data_preprocessor(semantic_batch(labels), True)
        losses = model.loss(data['inputs'], data['data_samples'])
        total, _ = model.parse_losses(losses)
        assert torch.isfinite(total), (kind, losses)
        if kind == 'normal':
            assert total > 0, losses
        total.backward()
        lacking = [name for name, p in model.named_parameters() if p.requires_grad and p.grad is None]
        assert not lacking, f'{kind} labels: no gradient in {lacking}'
        wrong = [name for name, p in model.named_parameters() if p.requires_grad and not p.grad.isfinite().all()]
        assert not wrong, f'{kind} labels: the gradient is not finite in {wrong}'


@torch.no_grad()
def predicts(model: nn.Module, height: int, width: int) -> bool:
    """Whether the model labels an image of this size; if not, its error must name the size and what it takes."""
    model.eval()
    batch = semantic_batch([random_labels((height, width), model.num_classes)])
    try:
        (result, ) = model.test_step(batch)
    except ValueError as error:
        text = str(error).lower()
        assert str(height) in text, text
        assert str(width) in text, text
        assert any(word in text for word in SHORT_OF), text
        return False
    assert result.pred_sem_seg.data.shape == (1, height, width)
    assert result.seg_logits.data.isfinite().all()
    assert 0 <= result.pred_sem_seg.data.min() <= result.pred_sem_seg.data.max() < model.num_classes
    return True


def one_channel(model: dict) -> dict:
    """A model config whose semantic heads tell one foreground from the background by one channel."""
    for key, value in model.items():
        if isinstance(value, dict):
            one_channel(value)
        elif key == 'auxiliary_head':
            model[key] = [one_channel(head) for head in value]
    if 'num_classes' in model:
        loss = dict(type='mmseg.CrossEntropyLoss', use_sigmoid=True, loss_weight=1.0)
        model.update(num_classes=2, out_channels=1, threshold=0.5, loss_decode=loss)
    return model


@torch.no_grad()
def check_one_channel(model: nn.Module, height: int, width: int) -> None:
    """A prediction is the sigmoid of one channel and what lies above the threshold; augmented ones are their mean."""
    model.eval()
    batch = semantic_batch([random_labels((height, width), 2)])
    (alone, ) = model.test_step(batch)
    scores = alone.seg_logits.data
    assert scores.shape == (1, height, width)
    assert 0 <= scores.min() <= scores.max() <= 1
    assert torch.equal(alone.pred_sem_seg.data, (scores > 0.5).to(scores))
    twice = {key: [value, value] for key, value in semantic_batch([random_labels((height, width), 2)]).items()}
    (mean, ) = MeanTTAModel(module=model).test_step(twice)
    torch.testing.assert_close(mean.seg_logits.data, scores)
    assert torch.equal(mean.pred_sem_seg.data, (mean.seg_logits.data > 0.5).to(scores))

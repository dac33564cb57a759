"""AdvSemiSeg against a slow transcription of one iteration, written from the published description."""

from __future__ import annotations

import pytest
import torch
from few_label_cases import CLASSES, at_iteration, batch, prepared, tiny
from mmengine.optim import OptimWrapper
from torch import nn
from torch.nn import functional as F

from mmseg_plugins.models.segmentors import FCDiscriminator
from mmseg_plugins.utils.errors import UserError

NARROW = dict(type='mmseg_plugins.FCDiscriminator', channels=4)
SETTINGS = dict(lambda_adv=0.03, lambda_semi_adv=0.02, lambda_semi=0.5, threshold=0.5, semi_start=7)


def slow_bce(logits, answer, valid):
    """Mean over the valid pixels; 0 without any."""
    chosen = logits[valid]
    return -F.logsigmoid(chosen if answer else -chosen).sum() / max(len(chosen), 1)


def slow_cross_entropy(scores, labels):
    """Mean over the pixels that are not 255."""
    logs = [image.log_softmax(0)[:, valid] for image, valid in zip(scores, labels != 255, strict=True)]
    chosen = [log.gather(0, image[image != 255][None]) for log, image in zip(logs, labels, strict=True)]
    return -torch.cat(chosen, 1).mean()


def enlarged(maps, size=64):
    return F.interpolate(maps, (size, size), mode='bilinear', align_corners=True)


def slow_iteration(model, images, maps, unlabeled, truth, settings, step):
    """The losses of one iteration and the gradients that they leave: four backward passes, as the original has them."""
    judge = model.discriminator
    everywhere = torch.ones(len(unlabeled), 64, 64, dtype=torch.bool)
    judge.requires_grad_(False)
    losses = {}
    remaining = enlarged(model.decode_head(model.backbone(unlabeled)))
    answer = enlarged(judge(remaining.softmax(1)))[:, 0]
    losses['loss_semi_adv'] = settings['lambda_semi_adv'] * slow_bce(answer, True, everywhere)
    term = losses['loss_semi_adv']
    if step >= settings['semi_start']:
        own = remaining.argmax(1)
        own[answer.sigmoid() < settings['threshold']] = 255
        losses['loss_semi'] = settings['lambda_semi'] * slow_cross_entropy(remaining, own)
        term = term + losses['loss_semi']
    term.backward()
    predicted = enlarged(model.decode_head(model.backbone(images)))
    valid = maps != 255
    losses['decode.loss_ce'] = slow_cross_entropy(predicted, maps)
    answer = enlarged(judge(predicted.softmax(1)))[:, 0]
    losses['loss_adv'] = settings['lambda_adv'] * slow_bce(answer, True, valid)
    (losses['decode.loss_ce'] + losses['loss_adv']).backward()
    judge.requires_grad_(True)
    both = torch.cat([predicted, remaining]).detach().softmax(1)
    on_predictions = slow_bce(enlarged(judge(both))[:, 0], False, torch.cat([valid, everywhere])) / 2
    on_predictions.backward()
    one_hot = torch.stack([(truth == label).float() for label in range(CLASSES)], 1)  # void is 0 everywhere
    on_truth = slow_bce(enlarged(judge(one_hot))[:, 0], True, truth != 255) / 2
    on_truth.backward()
    losses['loss_discriminator'] = on_predictions + on_truth
    return losses


@pytest.mark.parametrize(('step', 'truth'), [(0, 0), (9, 2)])
def test_one_iteration_equals_the_slow_transcription(step, truth):
    model = tiny('AdvSemiSeg', discriminator=NARROW, **SETTINGS).train()
    with torch.no_grad():
        model.discriminator.layers[-1].weight.mul_(30)  # so that its answers lie on both sides of the threshold
    slow = tiny('AdvSemiSeg', discriminator=NARROW, **SETTINGS).train()
    slow.load_state_dict(model.state_dict())
    inputs, samples = prepared(model, truth=truth)
    with at_iteration(step):
        found = model.loss(inputs, samples)
    sum(value for name, value in found.items() if 'loss' in name).backward()
    maps = [sample.gt_sem_seg.data[0] for sample in samples if 'gt_sem_seg' in sample]
    labeled, true = torch.stack(maps[:2]), torch.stack(maps[2:] or maps)
    wanted = slow_iteration(slow, inputs[:2], labeled, inputs[2:4], true, SETTINGS, step)
    assert {name for name in found if 'loss' in name} == set(wanted)
    assert ('loss_semi' in found) == (step >= 7)
    for name, value in wanted.items():
        torch.testing.assert_close(found[name], value, rtol=2e-5, atol=1e-7, msg=name)
    if step >= 7:
        assert 0 < found['passed'] < 1
    for (name, weight), other in zip(model.named_parameters(), slow.parameters(), strict=True):
        torch.testing.assert_close(weight.grad, other.grad, rtol=1e-3, atol=1e-6, msg=name)
    assert all(torch.equal(*pair) for pair in zip(model.buffers(), slow.buffers(), strict=True))


def test_terms_stay_on_their_own_side():
    model = tiny('AdvSemiSeg', discriminator=NARROW, semi_start=0).train()
    losses = model.loss(*prepared(model))
    discriminator = list(model.discriminator.parameters())
    others = [weight for name, weight in model.named_parameters() if not name.startswith('discriminator')]
    for name, value in losses.items():
        if 'loss' in name:
            theirs, ours = (discriminator, others) if name == 'loss_discriminator' else (others, discriminator)
            found = torch.autograd.grad(value, theirs + ours, retain_graph=True, allow_unused=True)
            assert all(one is not None for one in found[:len(theirs)]), name
            assert not any(one is not None for one in found[len(theirs):]), name


def test_a_step_where_no_pixel_passes_and_nothing_is_labeled_is_finite():
    model = tiny('AdvSemiSeg', discriminator=NARROW, threshold=1.0, semi_start=0).train()
    losses = model.loss(*prepared(model, void=1.0))
    assert losses['passed'] == 0
    assert losses['loss_semi'] == 0
    assert losses['loss_adv'] == 0
    total = sum(value for name, value in losses.items() if 'loss' in name)
    assert torch.isfinite(total)
    total.backward()
    assert all(torch.isfinite(weight.grad).all() for weight in model.parameters())


def test_a_void_pixel_counts_in_no_term():
    model = tiny('AdvSemiSeg', discriminator=NARROW, semi_start_adv=1).eval()
    inputs, samples = prepared(model, void=0.5)
    logits = torch.randn(2, 64, 64, generator=torch.Generator().manual_seed(1))
    model._judge = model._confidence = lambda maps, learns: logits.clone()[:len(maps)]
    before = model.loss(inputs, samples)
    labels = torch.cat([sample.gt_sem_seg.data for sample in samples[:2]])
    logits[labels == 255] = 50.0
    assert model.loss(inputs, samples) == before


def test_the_discriminator_has_the_published_layers():
    convs = [layer for layer in FCDiscriminator(21).layers if isinstance(layer, nn.Conv2d)]
    assert [(conv.in_channels, conv.out_channels) for conv in convs] == [
        (21, 64), (64, 128), (128, 256), (256, 512), (512, 1)]
    assert {(conv.kernel_size, conv.stride, conv.padding) for conv in convs} == {((4, 4), (2, 2), (1, 1))}
    assert [layer.negative_slope for layer in FCDiscriminator(21).layers[1::2]] == [0.2] * 4
    assert FCDiscriminator(2, channels=2)(torch.zeros(1, 2, 64, 96)).shape == (1, 1, 2, 3)


def test_prediction_is_that_of_the_segmentor_alone():
    model = tiny('AdvSemiSeg', discriminator=NARROW).eval()
    inputs, _ = prepared(model)
    found = model(inputs, mode='predict')
    wanted = enlarged(model.decode_head(model.backbone(inputs)))
    assert torch.equal(found[1].seg_logits.data, wanted[1])


@pytest.mark.parametrize('numbers', [dict(labeled=0), dict(unlabeled=0)])
def test_a_batch_without_one_of_the_kinds_is_refused(numbers):
    model = tiny('AdvSemiSeg', discriminator=NARROW).train()
    with pytest.raises(UserError, match='labeled and with unlabeled images'):
        model.loss(*prepared(model, **numbers))


def test_labeled_images_may_come_last():
    model = tiny('AdvSemiSeg', discriminator=NARROW).eval()
    inputs, samples = prepared(model)
    first = model.loss(inputs, samples)
    last = model.loss(inputs[[2, 3, 0, 1]], [samples[index] for index in (2, 3, 0, 1)])
    assert first == last


def test_a_head_of_one_channel_is_refused():
    with pytest.raises(UserError, match='out_channels=1'):
        tiny('AdvSemiSeg', decode_head=dict(type='FCNHead', in_channels=16, channels=8, num_classes=2, out_channels=1,
                                            threshold=0.5, loss_decode=dict(type='CrossEntropyLoss', use_sigmoid=True)))


def test_mmengines_train_step_takes_one_optimizer_too():
    model = tiny('AdvSemiSeg', discriminator=NARROW).train()
    wrapper = OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.1))
    before = model.discriminator.layers[0].weight.clone()
    assert 'loss_discriminator' in model.train_step(batch(), wrapper)
    assert not torch.equal(model.discriminator.layers[0].weight, before)

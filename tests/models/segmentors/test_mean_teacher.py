"""The mean teacher against a slow step written from the description, and CutMix's boxes."""

from __future__ import annotations

import math

import pytest
import torch
from few_label_cases import at_iteration, batch, prepared, tiny
from torch import nn
from torch.nn import functional as F

from mmseg_plugins.models.layers.cut_mix import cut_boxes, paste, sigmoid_ramp
from mmseg_plugins.utils.errors import UserError


def scores(part: nn.Module, images: torch.Tensor) -> torch.Tensor:
    """Of backbone and head, enlarged to the images."""
    return F.interpolate(part.decode_head(part.backbone(images)), images.shape[2:], mode='bilinear', align_corners=True)


@pytest.mark.parametrize('consistency', ['cross_entropy', 'squared_error'])
def test_a_step_equals_the_slow_one(consistency: str) -> None:
    settings = dict(consistency=consistency, ramp_up=10, momentum=0.9, consistency_weight=2.0)
    model, slow = (tiny('MeanTeacher', **settings).train() for _ in range(2))
    with torch.no_grad():
        for name, average in model.teacher.state_dict().items():  # another net than the student
            if average.is_floating_point():
                average.mul_(1 + torch.rand(average.shape, generator=torch.Generator().manual_seed(len(name))))
    slow.load_state_dict(model.state_dict())
    inputs, samples = prepared(model, unlabeled=3)
    kept = min(1 - 1 / 5, 0.9)
    with torch.no_grad():
        student = {name: value for name, value in slow.state_dict().items() if not name.startswith('teacher.')}
        for name, average in slow.teacher.state_dict().items():
            value = kept * average + (1 - kept) * student[name] if average.is_floating_point() else student[name]
            average.copy_(value)
    torch.manual_seed(5)
    images, boxes = inputs[2:], cut_boxes(3, 64, 64)
    mixed, wanted = images.clone(), scores(slow.teacher, images).softmax(1)
    targets = wanted.clone()
    for index, (y1, x1, y2, x2) in enumerate(boxes):
        for y in range(y1, y2):
            for x in range(x1, x2):
                mixed[index, :, y, x] = images[index - 1, :, y, x]
                targets[index, :, y, x] = wanted[index - 1, :, y, x]
    model.threshold = targets.max(1).values.median().item()
    with at_iteration(4):
        torch.manual_seed(5)
        found = model.loss(inputs, samples)
    sum(value for name, value in found.items() if 'loss' in name).backward()

    labels = torch.stack([sample.gt_sem_seg.data[0] for sample in samples[:2]])
    supervised = F.cross_entropy(scores(slow, inputs[:2]), labels, ignore_index=255)
    share = (targets.max(1).values >= model.threshold).float().mean()
    predicted = scores(slow, mixed)
    if consistency == 'cross_entropy':
        term = F.cross_entropy(predicted, targets.argmax(1))
    else:
        term = sum(((predicted.softmax(1) - targets)[:, channel]**2).mean() for channel in range(3))
    weighted = term * share * 2.0 * math.exp(-5 * 0.6**2)
    (supervised + weighted).backward()

    assert 0 < share < 1
    assert abs(found['confident'] - share) < 0.001  # a pixel on the threshold may fall on either side
    torch.testing.assert_close(found['decode.loss_ce'], supervised)
    torch.testing.assert_close(found['loss_consistency'], weighted, rtol=1e-3, atol=0)
    for (name, weight), other in zip(model.named_parameters(), slow.parameters(), strict=True):
        torch.testing.assert_close(weight.grad, other.grad, rtol=2e-3, atol=1e-5, msg=name)
    for (name, value), other in zip(model.state_dict().items(), slow.state_dict().values(), strict=True):
        torch.testing.assert_close(value, other, rtol=1e-5, atol=1e-6, msg=name)


def test_the_teacher_begins_as_the_student() -> None:
    model = tiny('MeanTeacher').train()
    student = {name: value.clone() for name, value in model.state_dict().items()}
    with at_iteration(0):
        model.loss(*prepared(model))
    assert all(torch.equal(value, student[name]) for name, value in model.teacher.state_dict().items())


def test_the_teacher_is_evaluated_and_is_no_parameter() -> None:
    model = tiny('MeanTeacher').eval()
    inputs, _ = prepared(model)
    with torch.no_grad():
        model.teacher.decode_head.conv_seg.bias += 1.0
        found = model(inputs, mode='predict')
        assert torch.equal(found[0].seg_logits.data, scores(model.teacher, inputs)[0])
        assert torch.equal(model(inputs), model.teacher.decode_head(model.teacher.backbone(inputs)))
    assert not any('teacher' in name for name, _ in model.named_parameters())
    names = {name.removeprefix('teacher.') for name in model.state_dict() if name.startswith('teacher.')}
    assert names == {name for name in model.state_dict() if not name.startswith('teacher.')}


def test_the_teacher_stays_in_evaluation_mode() -> None:
    model = tiny('MeanTeacher').train()
    assert model.backbone.training
    assert not any(part.training for part in model.teacher.modules())


def test_boxes_cover_the_share_and_lie_in_the_image() -> None:
    torch.manual_seed(0)
    boxes = cut_boxes(200, 60, 100)
    assert all(0 <= y1 < y2 <= 60 and 0 <= x1 < x2 <= 100 for y1, x1, y2, x2 in boxes)
    shares = [(y2 - y1) * (x2 - x1) / 6000 for y1, x1, y2, x2 in boxes]
    assert all(abs(share - 0.5) < 0.02 for share in shares)
    heights = {y2 - y1 for y1, _, y2, _ in boxes}
    assert min(heights) < 33
    assert max(heights) > 57


def test_a_box_of_the_image_before_is_pasted() -> None:
    maps = torch.arange(3.0)[:, None, None].expand(3, 4, 4)
    mixed = paste(maps, [(0, 0, 2, 2), (1, 1, 4, 4), (0, 0, 0, 0)])
    assert mixed[0].sum() == 4 * 2
    assert mixed[1].sum() == 16 - 9
    assert torch.equal(mixed[2], maps[2])


@pytest.mark.parametrize(('step', 'length', 'wanted'), [(0, 0, 1), (0, 10, math.exp(-5)), (10, 10, 1), (99, 10, 1)])
def test_the_ramp(step: int, length: int, wanted: float) -> None:
    assert sigmoid_ramp(step, length) == pytest.approx(wanted)


@pytest.mark.parametrize(('settings', 'words'), [
    (dict(consistency='kl'), "consistency='kl'"), (dict(momentum=1.5), 'momentum=1.5'),
    (dict(threshold=-1), 'threshold'),
    (dict(cut_share='half'), 'cut_share')])
def test_settings_out_of_range_are_refused(settings: dict, words: str) -> None:
    with pytest.raises(UserError, match=words):
        tiny('MeanTeacher', **settings)


def test_a_single_unlabeled_image_is_refused() -> None:
    model = tiny('MeanTeacher').train()
    with pytest.raises(UserError, match='CutMix pastes one image into another'):
        model(**model.data_preprocessor(batch(unlabeled=1), training=True), mode='loss')

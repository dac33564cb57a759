"""The segmentor as a discriminator of K + 1 classes, against a softmax with the class written out."""

from __future__ import annotations

import pytest
import torch
from few_label_cases import prepared, tiny

from mmseg_plugins.models.segmentors import NoiseGenerator

SMALL = dict(type='mmseg_plugins.NoiseGenerator', noise_channels=4, channels=16)


def test_losses_are_those_of_a_softmax_of_four_classes() -> None:
    model = tiny('GANSemiSeg', generator=SMALL).eval()
    inputs, samples = prepared(model)
    torch.manual_seed(1)
    found = model.loss(inputs, samples)
    torch.manual_seed(1)
    made = (model.generator(2, (64, 64)) - 127) / 60

    def fake(images: torch.Tensor) -> torch.Tensor:
        scores = model.decode_head(model.backbone(images))
        return torch.cat([scores, torch.zeros_like(scores[:, :1])], 1).softmax(1)[:, -1]

    torch.testing.assert_close(found['loss_real'], -(1 - fake(inputs[2:])).log().mean())
    torch.testing.assert_close(found['loss_fake'], -fake(made).log().mean())
    torch.testing.assert_close(found['loss_generator'], fake(made).log().mean())
    supervised = model.decode_head.loss(model.extract_feat(inputs[:2]), samples[:2], None)
    assert torch.equal(found['decode.loss_ce'], supervised['loss_ce'] * 2.0)


def test_the_generator_learns_from_its_own_term_alone() -> None:
    model = tiny('GANSemiSeg', generator=SMALL).train()
    losses = model.loss(*prepared(model))
    generator = list(model.generator.parameters())
    others = [weight for name, weight in model.named_parameters() if not name.startswith('generator.')]
    for name, value in losses.items():
        if 'loss' in name:
            theirs, ours = (generator, others) if name == 'loss_generator' else (others, generator)
            found = torch.autograd.grad(value, theirs + ours, retain_graph=True, allow_unused=True)
            assert all(one is not None for one in found[:len(theirs)]), name
            assert not any(one is not None for one in found[len(theirs):]), name


@pytest.mark.parametrize('size', [(64, 64), (40, 72)])
def test_noise_becomes_pixels(size: tuple[int, int]) -> None:
    images = NoiseGenerator(noise_channels=4, channels=16)(2, size)
    assert images.shape == (2, 3, *size)
    assert images.min() >= 0
    assert images.max() <= 255

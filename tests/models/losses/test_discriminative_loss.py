"""Discriminative loss: the golden case, a slow transcription at other sizes, classes, degenerate images."""

import pytest
import torch
from golden_cases import GoldenCase

from mmseg_plugins.models.losses import DiscriminativeLoss
from mmseg_plugins.models.losses.discriminative_loss import discriminative_terms


def slow_terms(embedding, ids, delta_v, delta_d):
    """One image, (D, H, W) and (H, W), instance by instance."""
    numbers = [i for i in ids.unique().tolist() if i > 0]
    if not numbers:
        return torch.zeros(3, dtype=embedding.dtype)
    groups = [embedding[:, ids == i].T for i in numbers]
    means = [g.mean(0) for g in groups]
    pull = sum(((g - m).norm(dim=1) - delta_v).clamp(min=0).square().mean() for g, m in zip(groups, means, strict=True))
    pairs = [(2 * delta_d - (a - b).norm()).clamp(min=0)**2 for i, a in enumerate(means)
             for j, b in enumerate(means) if i != j]
    push = sum(pairs) / len(pairs) if pairs else embedding.new_zeros(())
    return torch.stack([pull / len(groups), push, sum(m.norm() for m in means) / len(means)])


@pytest.mark.golden
def test_agrees_with_the_golden_case():
    case = GoldenCase('discriminative_loss')
    config = case.facts['config']
    embedding = case.arrays['embedding'].requires_grad_()
    terms = discriminative_terms(embedding, case.arrays['instance_ids'], None, config['delta_v'], config['delta_d'])
    totals = terms @ torch.tensor(config['weights'])
    loss = totals.mean()
    grad = torch.autograd.grad(loss, embedding)[0]
    case.check(dict(terms=terms.detach(), totals=totals.detach(), loss=loss.detach(), grad=grad))
    module = DiscriminativeLoss(delta_v=config['delta_v'], delta_d=config['delta_d'])
    torch.testing.assert_close(sum(module(embedding, case.arrays['instance_ids']).values()), loss)


@pytest.mark.parametrize(('seed', 'channels', 'size', 'count'), [(0, 2, (5, 7), 3), (1, 16, (20, 9), 30)])
def test_equals_the_transcription_at_other_sizes(seed, channels, size, count):
    torch.manual_seed(seed)
    embedding = torch.randn(2, channels, *size, dtype=torch.float64)
    ids = torch.randint(-1, count, (2, *size)) * 3  # numbers with gaps; 0 and below are no instance
    wanted = torch.stack([slow_terms(e, i, 0.4, 1.1) for e, i in zip(embedding, ids, strict=True)])
    torch.testing.assert_close(discriminative_terms(embedding, ids, None, 0.4, 1.1), wanted)


def test_classes_are_compared_apart_and_averaged():
    torch.manual_seed(2)
    embedding = torch.randn(1, 4, 6, 8, dtype=torch.float64)
    ids = torch.randint(0, 7, (1, 6, 8))
    labels = torch.where(ids > 3, 2, 1)
    parts = [slow_terms(embedding[0], torch.where(ids[0] > 3, ids[0], 0), 0.5, 1.5),
             slow_terms(embedding[0], torch.where(ids[0] <= 3, ids[0], 0), 0.5, 1.5)]
    torch.testing.assert_close(discriminative_terms(embedding, ids, labels)[0], (parts[0] + parts[1]) / 2)


def test_gradcheck():
    embedding = torch.randn(2, 3, 3, 4, dtype=torch.float64, requires_grad=True)
    ids = torch.tensor([[[1, 1, 2, 0], [1, 2, 2, 0], [3, 3, 0, 0]], [[0] * 4] * 3])
    assert torch.autograd.gradcheck(lambda e: discriminative_terms(e, ids, None, 0.1, 1.5), embedding)


@pytest.mark.parametrize('value', [0.0, 1.0])
def test_equal_embeddings_and_single_pixels_give_finite_gradients(value):
    embedding = torch.full((1, 4, 2, 2), value, requires_grad=True)
    terms = discriminative_terms(embedding, torch.tensor([[[1, 2], [0, 2]]]))
    terms.sum().backward()
    assert terms[0, 1] == 9  # both means at the same place: (2 * 1.5)^2
    assert embedding.grad.isfinite().all()


def test_no_instance_at_all_keeps_the_graph():
    embedding = torch.randn(2, 4, 3, 3, requires_grad=True)
    losses = DiscriminativeLoss()(embedding, torch.zeros(2, 3, 3, dtype=torch.long))
    assert [loss.item() for loss in losses.values()] == [0, 0, 0]
    sum(losses.values()).backward()
    assert embedding.grad is not None


def test_margins_that_overlap_are_refused():
    with pytest.raises(ValueError, match='delta_v=2'):
        DiscriminativeLoss(delta_v=2)

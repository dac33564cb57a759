"""FCIS's losses and online hard example mining: the original's numbers, slow transcriptions, empty and ignored RoIs."""

import numpy as np
import pytest
import slow_fcis
import torch
from golden_cases import GoldenCase, rel_error

from mmseg_plugins.models.losses import FCISLoss, FCISLossTerms, fcis_loss, fcis_roi_losses
from mmseg_plugins.models.task_modules import JointLossOHEMSampler


def random_rois(number, classes, size, seed):
    """Logits and targets of ``number`` RoIs; the first are objects, then background, the last is ignored."""
    g = torch.Generator().manual_seed(seed)
    labels = torch.randint(1, classes + 1, (number, ), generator=g)
    labels[number // 2:] = 0
    labels[-1] = -1
    mask_targets = torch.randint(0, 2, (number, size, size), generator=g).to(torch.int8)
    mask_targets[labels <= 0] = -1
    return dict(
        cls_logit=2 * torch.randn(number, classes + 1, generator=g, dtype=torch.float64),
        mask_logit=2 * torch.randn(number, 2, size, size, generator=g, dtype=torch.float64),
        box_delta=torch.randn(number, 4, generator=g, dtype=torch.float64),
        labels=labels,
        mask_targets=mask_targets,
        box_targets=2 * torch.randn(number, 4, generator=g, dtype=torch.float64))


@pytest.mark.golden
def test_convention_a_agrees_with_the_original_in_values_and_gradients():
    case = GoldenCase('fcis_loss')
    a = case.arrays
    cls, mask = a['A_cls_logit'].requires_grad_(), a['A_mask_logit'].requires_grad_()
    labels = a['A_labels']
    terms = fcis_roi_losses(cls, mask, a['A_box_pred'], labels, a['A_mask_targets'], a['A_box_targets'],
                            1 / case.facts['config']['roi_sigma']**2)
    losses = torch.stack(fcis_loss(terms, labels, case.facts['config']['A_normaliser']))
    losses.sum().backward()
    assert rel_error(losses, a['A_losses']) <= case.tolerance
    assert rel_error(cls.grad, a['A_grad_cls']) <= case.tolerance
    assert rel_error(mask.grad, a['A_grad_mask']) <= case.tolerance


@pytest.mark.golden
def test_mining_agrees_with_the_original():
    case = GoldenCase('fcis_ohem_msracver')
    a = case.arrays
    assert torch.equal(a['box_weights'][:, 4:].amax(1) > 0, a['labels'] > 0)
    terms = fcis_roi_losses(a['cls_logit'], a['mask_logit'], a['box_pred'][:, 4:], a['labels'], a['mask_targets'],
                            a['box_targets'][:, 4:])
    total = FCISLoss(*case.facts['config']['loss_weight']).joint(terms)
    kept = JointLossOHEMSampler(num=case.facts['config']['keep']).mine(total)
    survives = torch.zeros(len(total), dtype=torch.bool).scatter(0, kept, True)
    case.check(dict(
        per_roi_loss=torch.stack([*terms, total], 1),
        kept=kept,
        labels_out=torch.where(survives, a['labels'], -1),
        box_weights_out=a['box_weights'] * survives[:, None],
        mask_valid_out=(survives & (a['mask_targets'] >= 0).flatten(1).any(1)).long()))
    assert torch.equal(kept, a['kept'])


@pytest.mark.parametrize(('seed', 'number', 'classes', 'size'), [(0, 9, 3, 5), (1, 6, 1, 4), (2, 3, 20, 3)])
def test_vectorised_losses_are_the_slow_ones(seed, number, classes, size):
    inputs = random_rois(number, classes, size, seed)
    arrays = [inputs[key].numpy() for key in ('cls_logit', 'mask_logit', 'box_delta', 'labels', 'mask_targets',
                                              'box_targets')]
    slow = [slow_fcis.roi_losses(*(array[i] for array in arrays)) for i in range(number)]
    terms = fcis_roi_losses(**inputs)
    np.testing.assert_allclose(torch.stack(terms, 1), slow, rtol=1e-12)
    for normalizer in (7, None):
        want = slow_fcis.losses(slow, arrays[3], normalizer or number - 1)
        np.testing.assert_allclose(torch.stack(fcis_loss(terms, inputs['labels'], normalizer)), want, rtol=1e-12)


def test_gradcheck():
    inputs = random_rois(4, 2, 2, seed=3)
    fixed = {key: inputs[key] for key in ('labels', 'mask_targets', 'box_targets')}

    def total(cls_logit, mask_logit, box_delta):
        terms = fcis_roi_losses(cls_logit, mask_logit, box_delta, **fixed)
        return sum(fcis_loss(terms, fixed['labels'], 3))

    logits = [inputs[key].requires_grad_() for key in ('cls_logit', 'mask_logit', 'box_delta')]
    assert torch.autograd.gradcheck(total, logits)


@pytest.mark.parametrize(('number', 'label'), [(0, 0), (3, 0), (3, -1)])
def test_without_an_object_losses_are_finite_and_connected(number, label):
    inputs = random_rois(max(number, 2), 2, 3, seed=4)
    inputs = {key: value[:number] for key, value in inputs.items()}
    inputs['labels'] = torch.full_like(inputs['labels'], label)
    inputs['mask_targets'] = torch.full_like(inputs['mask_targets'], -1)
    leaves = [inputs[key].requires_grad_() for key in ('cls_logit', 'mask_logit', 'box_delta')]
    losses = FCISLoss()(fcis_roi_losses(**inputs), inputs['labels'], avg_factor=128)
    sum(losses.values()).backward()
    assert losses['loss_mask'] == losses['loss_bbox'] == 0
    assert losses['loss_cls'].isfinite()
    assert all(leaf.grad is not None and leaf.grad.isfinite().all() for leaf in leaves)
    assert not leaves[1].grad.any()


def test_the_weights_reach_losses_and_ranking():
    terms = FCISLossTerms(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0]), torch.tensor([0.0, 2.0]))
    loss = FCISLoss(cls_weight=3.0, mask_weight=5.0, box_weight=7.0)
    assert loss.joint(terms).tolist() == [3.0, 19.0]
    out = loss(terms, torch.tensor([0, 1]), avg_factor=4)
    assert {key: value.item() for key, value in out.items()} == dict(loss_cls=1.5, loss_mask=1.25, loss_bbox=3.5)


def test_half_precision_is_computed_in_float32():
    inputs = random_rois(4, 2, 3, seed=5)
    for key in ('cls_logit', 'mask_logit', 'box_delta'):
        inputs[key] = inputs[key].to(torch.bfloat16)
    assert all(term.dtype == torch.float32 and term.isfinite().all() for term in fcis_roi_losses(**inputs))

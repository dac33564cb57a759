"""The original's numbers in five configurations, a plain transcription, any size, gradients."""

import pytest
import torch
from golden_cases import GoldenCase, rel_error

from mmseg_plugins.models.crf import ConvCRFParams, conv_crf


def golden_params(facts):
    position, color = facts['pos_feats'], facts['col_feats']
    return ConvCRFParams(
        iterations=facts['iterations'], window=facts['filter_size'], blur=facts['blur'],
        position_sxy=position['sdims'], position_compat=position['compat'],
        color_schan=color['schan'], color_compat=color['compat'],
        color_sxy=color['sdims'] if color['use_bias'] else None,
        normalization={'sym': 'symmetric'}.get(facts['norm'], facts['norm']),
        weight=None if facts['weight'] is None else facts['weight_init'], unary_weight=facts['unary_weight'],
        log_softmax=facts['logsoftmax'], final_softmax=facts['final_softmax'])


@pytest.mark.golden
def test_golden_case():
    case = GoldenCase('convcrf')
    outputs = {}
    for name, facts in case.facts['configurations'].items():
        images = case.shape_of(f'out_{name}')[0]
        outputs[f'out_{name}'] = conv_crf(
            case.arrays['unary_logits'][:images], case.arrays['image'][:images], golden_params(facts))
    case.check(outputs)


@pytest.mark.parametrize('size', [(1, 1), (5, 7)])
@pytest.mark.parametrize('normalization', ['none', 'symmetric'])
def test_window_sum_is_the_sum_over_pairs_of_near_pixels(size, normalization):
    height, width = size
    image, logits = torch.rand(1, 3, *size) * 255, torch.randn(1, 2, *size)
    params = ConvCRFParams(iterations=1, window=3, blur=1, color_sxy=9, normalization=normalization, weight=None)
    rows, columns = (axis.flatten() for axis in torch.meshgrid(
        torch.arange(height), torch.arange(width), indexing='ij'))
    near = ((rows[:, None] - rows).abs() <= 1) & ((columns[:, None] - columns).abs() <= 1)
    mesh = torch.stack([rows, columns], 1).float()
    colors = image[0].flatten(1).t()
    unary = logits.log_softmax(1)[0].flatten(1).t()
    wanted = unary.clone()
    for weight, features in ((3, mesh / 3), (10, torch.cat([mesh / 9, colors / 13], 1))):
        kernel = (-0.5 * (features[:, None] - features).square().sum(-1)).exp() * near
        if normalization == 'symmetric':
            kernel = kernel / (kernel.sum(1).sqrt()[:, None] * kernel.sum(1).sqrt())
        wanted = wanted + weight * kernel @ unary
    ours = conv_crf(logits, image, params)[0].flatten(1).t()
    assert rel_error(ours, wanted) < 1e-5


def test_images_of_a_batch_do_not_mix_with_symmetric_normalisation():
    image, logits = torch.rand(2, 3, 9, 11) * 255, torch.randn(2, 3, 9, 11)
    both = conv_crf(logits, image, normalization='symmetric', blur=2)
    torch.testing.assert_close(both[1:], conv_crf(logits[1:], image[1:], normalization='symmetric', blur=2))


@pytest.mark.parametrize('size', [(1, 1), (13, 18), (16, 20)])
def test_any_size_keeps_its_size(size):
    refined = conv_crf(torch.randn(1, 3, *size), torch.rand(1, 3, *size) * 255, final_softmax=True)
    torch.testing.assert_close(refined.sum(1), torch.ones(1, *size))


def test_gradient():
    image = torch.rand(1, 3, 5, 6) * 255
    logits = torch.randn(1, 2, 5, 6, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: conv_crf(x, image, window=3, blur=2, iterations=2), logits)


@pytest.mark.parametrize(('changes', 'message'), [
    (dict(window=4), 'window=4 must be an odd'), (dict(blur=0), 'blur=0'), (dict(iterations=0), 'iterations=0'),
    (dict(normalization='after'), "normalization='after'"),
])
def test_values_without_a_meaning_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        conv_crf(torch.rand(1, 3, 4, 4), torch.rand(1, 3, 4, 4) * 255, **changes)


def test_logits_that_are_not_finite_are_refused():
    logits = torch.zeros(1, 3, 4, 4)
    logits[0, 1, 2, 3] = float('nan')
    with pytest.raises(ValueError, match='conv_crf: 1 of the 48 scores are NaN'):
        conv_crf(logits, torch.rand(1, 3, 4, 4) * 255)


def test_image_of_another_size_names_both():
    with pytest.raises(ValueError, match=r'\(1, 3, 4, 4\).*\(1, 3, 8, 8\)'):
        conv_crf(torch.rand(1, 3, 4, 4), torch.rand(1, 3, 8, 8))

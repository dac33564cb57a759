"""Marginals: pydensecrf's and an exact oracle's numbers, a plain transcription, presets, refusals."""

import re

import pytest
import torch
from golden_cases import GoldenCase, rel_error
from slow_permutohedral import slow_filter

from mmseg_plugins.models.crf import PRESETS, CRFParams, conv_crf, dense_crf, labels_to_probabilities
from mmseg_plugins.models.crf.crf_features import bilateral_features, position_features
from mmseg_plugins.models.crf.mean_field import LatticeMessages, mean_field
from mmseg_plugins.utils.errors import UserError

NORMALIZATION = {'sym': 'symmetric'}


def stored_steps(case, name):
    """Numbers of iterations after which the case has the marginals of the run ``name``."""
    return [int(key.removeprefix(f'{name}_it')) for key in case.arrays if re.fullmatch(rf'{name}_it\d+', key)]


def golden_options(run, arrays):
    """A run of the case in our words."""
    def compat(value):
        return arrays[value] if isinstance(value, str) else value

    kind = run['normalization']
    options = dict(iterations=run.get('iterations'), normalization=NORMALIZATION.get(kind, kind),
                   gaussian_compat=None, bilateral_compat=None)
    if run['gaussian_sxy_compat']:
        sxy, weight = run['gaussian_sxy_compat']
        options.update(gaussian_sxy=sxy, gaussian_compat=compat(weight))
    if run['bilateral_sxy_srgb_compat']:
        sxy, srgb, weight = run['bilateral_sxy_srgb_compat']
        options.update(bilateral_sxy=sxy, bilateral_srgb=srgb, bilateral_compat=compat(weight))
    return options


@pytest.mark.golden
def test_golden_case_of_pydensecrf():
    case = GoldenCase('densecrf')
    image, probs = case.arrays['image'].permute(2, 0, 1)[None], case.arrays['probs'][None]
    outputs = {'unary': -probs[0].clamp(1e-5, 1).log()}
    for name, run in case.facts['runs'].items():
        if name == 'readme_rowfirst':
            continue
        seen, given = image, probs
        if 'image' in run:  # such as 'image[:38,:49]//8'
            height, width, divisor = map(int, re.fullmatch(r'image\[:(\d+),:(\d+)\]//(\d+)', run['image']).groups())
            seen, given = image[:, :, :height, :width] // divisor, probs[:, :, :height, :width]
        outputs[f'Q_{name}'] = dense_crf(given, seen, pad_to_multiple=4, **golden_options(run, case.arrays))[0]
    outputs['Q_readme_rowfirst'] = row_first(image, probs, case.facts['runs']['readme'])
    for name in [key for key in case.arrays if key.startswith('argmax_')]:
        outputs[name] = outputs[name.replace('argmax', 'Q')].argmax(0)
    case.check(outputs)


def row_first(image, probs, run):
    """A run's parameters with features (row, column, colours), as ``create_pairwise_*`` orders them."""
    size = tuple(image.shape[-2:])
    swap = [1, 0, 2, 3, 4]
    (spatial, spatial_weight), (position, color, weight) = run['gaussian_sxy_compat'], run['bilateral_sxy_srgb_compat']
    features = [position_features(size, spatial, like=probs)[:, swap[:2]],
                bilateral_features(image[0], position, color)[:, swap]]
    rows = probs[0].clamp(1e-5, 1).log().flatten(1).t()
    marginals = mean_field(rows, LatticeMessages(features), [spatial_weight, weight], run['iterations']).softmax(1)
    return marginals.t().reshape(probs.shape[1:])


@pytest.mark.golden
def test_golden_case_of_the_exact_oracle():
    case = GoldenCase('densecrf_exact_oracle')
    image, probs = case.arrays['image'].permute(2, 0, 1)[None], case.arrays['probs'][None].double()
    for name, run in case.facts['runs'].items():
        if not run['self_term']:
            continue
        for steps in stored_steps(case, name):
            options = {**golden_options(run, case.arrays), 'iterations': steps}
            marginals = dense_crf(probs, image, mode='exact', **options)[0]
            error = (marginals - case.arrays[f'{name}_it{steps}']).abs().max()
            assert error <= case.facts['tolerance']['suggested_abs']


@pytest.mark.golden
def test_golden_case_of_the_exact_oracle_without_the_pixel_itself():
    from mmseg_plugins.models.crf.mean_field import ExactMessages

    case = GoldenCase('densecrf_exact_oracle')
    image, probs = case.arrays['image'].permute(2, 0, 1), case.arrays['probs'].double()
    run = case.facts['runs']['Q_sym_noself']
    (spatial, spatial_weight), (position, color, weight) = run['gaussian_sxy_compat'], run['bilateral_sxy_srgb_compat']
    features = [position_features(tuple(image.shape[1:]), spatial, like=probs),
                bilateral_features(image.double(), position, color)]
    rows = probs.clamp(1e-5, 1).log().flatten(1).t()
    for steps in stored_steps(case, 'Q_sym_noself'):
        messages = ExactMessages(features, include_self=False)
        marginals = mean_field(rows, messages, [spatial_weight, weight], steps).softmax(1)
        wanted = case.arrays[f'Q_sym_noself_it{steps}'].flatten(1).t()
        assert (marginals - wanted).abs().max() <= case.facts['tolerance']['suggested_abs']


@pytest.mark.parametrize('normalization', ['symmetric', 'after', 'before', 'none'])
@pytest.mark.parametrize(('size', 'pad'), [((7, 9), 1), ((7, 9), 4), ((8, 6), 4)])
def test_other_images_agree_with_the_slow_transcription(normalization, size, pad):
    generator = torch.Generator().manual_seed(size[0])
    image = torch.randint(0, 256, (3, *size), generator=generator)
    probs = torch.rand(4, *size, generator=generator).softmax(0)
    params = CRFParams(2, 0.6, 15, 40, 0.9, 3, normalization)
    ours = dense_crf(probs[None], image[None], params, pad_to_multiple=pad)[0]

    rows = probs.clamp(1e-5, 1).log().flatten(1).t().numpy()
    kernels = [(0.6, position_features(size, 2, like=probs)), (0.9, bilateral_features(image, 15, 40))]
    current = torch.from_numpy(rows)
    for _ in range(3):
        q, message = current.softmax(1).numpy(), 0
        for weight, features in kernels:
            points = features.numpy()
            norm, _ = slow_filter(points, rows[:, :1] * 0 + 1, pad_to_multiple=pad)
            before = {'symmetric': norm**-0.5, 'before': 1 / norm}.get(normalization, 1)
            after = {'symmetric': norm**-0.5, 'after': 1 / norm}.get(normalization, 1)
            message = message + weight * after * slow_filter(points, before * q, pad_to_multiple=pad)[0]
        current = torch.from_numpy(rows + message)
    wanted = current.softmax(1).t().reshape(probs.shape)
    assert rel_error(ours, wanted) < 1e-5


def test_batch_is_image_by_image():
    image, probs = torch.rand(2, 3, 6, 8) * 255, torch.rand(2, 3, 6, 8).softmax(1)
    together = dense_crf(probs, image, 'deconvnet')
    for index in range(2):
        torch.testing.assert_close(together[index:index + 1],
                                   dense_crf(probs[index:index + 1], image[index:index + 1], 'deconvnet'))


def test_logits_probabilities_and_energies_say_the_same():
    image, logits = torch.rand(1, 3, 6, 8) * 255, torch.randn(1, 3, 6, 8)
    probs = logits.softmax(1)
    wanted = dense_crf(probs, image)
    torch.testing.assert_close(dense_crf(logits, image, kind='logits'), wanted)
    torch.testing.assert_close(dense_crf(-probs.log(), image, kind='energies'), wanted)


def test_a_potts_weight_is_minus_w_times_the_identity():
    image, probs = torch.rand(1, 3, 6, 8) * 255, torch.rand(1, 3, 6, 8).softmax(1)
    wanted = dense_crf(probs, image, bilateral_compat=4.0)
    torch.testing.assert_close(dense_crf(probs, image, bilateral_compat=-4 * torch.eye(3)), wanted)
    torch.testing.assert_close(dense_crf(probs, image, bilateral_compat=[-4.0, -4.0, -4.0]), wanted)
    lopsided = torch.tensor([[-4.0, 2.0, 0.0], [-2.0, -4.0, 0.0], [0.0, 0.0, -4.0]])  # its symmetric half
    torch.testing.assert_close(dense_crf(probs, image, bilateral_compat=lopsided), wanted)


def test_gradient_reaches_the_unary():
    unary = torch.randn(1, 2, 3, 4, dtype=torch.float64, requires_grad=True)
    image = torch.rand(1, 3, 3, 4) * 255
    assert torch.autograd.gradcheck(lambda u: dense_crf(u, image, 'deconvnet', kind='logits', iterations=2), unary)


@pytest.mark.parametrize('size', [(1, 1), (1, 7), (5, 3)])
def test_small_and_odd_images(size):
    probs = torch.rand(1, 3, *size).softmax(1)
    marginals = dense_crf(probs, torch.rand(1, 3, *size) * 255, 'deeplabv2-r101')
    assert marginals.shape == probs.shape
    torch.testing.assert_close(marginals.sum(1), torch.ones(1, *size))


def test_grey_images_have_a_kernel_of_three_dimensions_and_flat_ones_work():
    probs = torch.rand(1, 2, 5, 6).softmax(1)
    assert dense_crf(probs, torch.full((1, 1, 5, 6), 255, dtype=torch.uint8)).isfinite().all()


def test_a_stray_pixel_follows_its_colour():
    image = torch.zeros(1, 3, 16, 16)
    image[..., 8:] = 200
    probs = torch.full((1, 2, 16, 16), 0.3)
    probs[:, 0, :, :8], probs[:, 1, :, 8:] = 0.7, 0.7
    probs[0, :, 5, 5] = torch.tensor([0.4, 0.6])
    labels = dense_crf(probs, image, 'deconvnet').argmax(1)[0]
    assert labels[5, 5] == 0
    assert labels[:, 8:].all()


def test_presets_are_the_published_ones():
    assert PRESETS['deeplabv2-r101'] == CRFParams(
        gaussian_sxy=1, gaussian_compat=3, bilateral_sxy=67, bilateral_srgb=3, bilateral_compat=4, iterations=10)
    assert {name: (p.gaussian_sxy, p.bilateral_sxy, p.bilateral_srgb, p.bilateral_compat, p.iterations)
            for name, p in PRESETS.items()} == {
        'pydensecrf': (3, 80, 13, 10, 5), 'deeplabv1': (3, 50, 3, 5, 10), 'deeplabv1-plain': (3, 50, 10, 5, 10),
        'deeplabv1-largefov': (3, 121, 5, 4, 10), 'deeplabv1-msc': (3, 95, 3, 3, 10),
        'deeplabv1-msc-largefov': (3, 83, 5, 4, 10), 'deeplabv2-vgg16': (3, 49, 5, 4, 10),
        'deeplabv2-r101': (1, 67, 3, 4, 10), 'deconvnet': (3, 20, 3, 5, 10), 'crf-rnn': (3, 160, 3, 5, 10)}


@pytest.mark.parametrize(('changes', 'message'), [
    (dict(params='deeplab'), "no preset 'deeplab'.*deeplabv1"),
    (dict(sxy=3), r"no parameter \['sxy'\].*bilateral_sxy"),
    (dict(iterations=-1), 'iterations=-1'),
    (dict(normalization='mean'), "normalization='mean'"),
    (dict(bilateral_sxy=0), 'sxy=0'),
    (dict(bilateral_srgb=[1, 2]), r'schan=\[1, 2\]'),
    (dict(bilateral_compat=[1, 2]), r'shape \(2,\) does not fit 3 classes'),
    (dict(kind='labels'), "kind='labels'"),
    (dict(mode='fast'), "mode='fast'"),
])
def test_values_without_a_meaning_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        dense_crf(torch.rand(1, 3, 4, 4).softmax(1), torch.rand(1, 3, 4, 4) * 255, **changes)


def spoilt(tensor, value):
    tensor[0, 0, 1, 1] = value
    return tensor


@pytest.mark.parametrize(('unary', 'kind', 'message'), [
    (lambda: spoilt(torch.full((1, 3, 4, 4), 1 / 3), float('nan')), 'probabilities', '1 of the 48 scores are NaN'),
    (lambda: spoilt(torch.zeros(1, 3, 4, 4), float('inf')), 'logits', '1 of the 48 scores are NaN or infinite'),
    (lambda: spoilt(torch.zeros(1, 3, 4, 4), float('nan')), 'energies', '1 of the 48 scores are NaN'),
    (lambda: torch.randn(1, 3, 4, 4) * 5, 'probabilities', r"no probabilities.*Rule: 0 to 1.*kind='logits'"),
    (lambda: spoilt(torch.full((1, 3, 4, 4), 1 / 3), 0.9), 'probabilities', r'sum to between 1 and 1.57.*sum to 1\.'),
    (lambda: torch.full((1, 1, 4, 4), 0.4), 'probabilities', r'sum to between 0.4 and 0.4.*1 - p and p'),
])
def test_scores_that_are_not_what_kind_says_are_refused(unary, kind, message):
    with pytest.raises(UserError, match=message):
        dense_crf(unary(), torch.rand(1, 3, 4, 4) * 255, kind=kind)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_rounded_probabilities_are_taken(dtype):
    torch.manual_seed(0)
    dense_crf((torch.randn(1, 150, 4, 4) * 3).softmax(1).to(dtype), torch.rand(1, 3, 4, 4) * 255, iterations=1)


@pytest.mark.parametrize(('image', 'message'), [
    (torch.rand(1, 3, 4, 4), r'divided by 255.*Fix: multiply the image by 255'),
    (torch.randn(1, 3, 4, 4), r'looks as if the image is normalized.*undo the normalization'),
    (torch.full((1, 1, 4, 4), 65535, dtype=torch.int32), r'more than 8 bits.*divide by 257'),
    (spoilt(torch.rand(1, 3, 4, 4) * 255, float('nan')), '1 of the 48 values of the image are NaN'),
])
def test_images_out_of_range_are_refused(image, message):
    probs = torch.full((1, 2, 4, 4), 0.5)
    with pytest.raises(UserError, match=f'dense_crf: .*{message}'):
        dense_crf(probs, image)
    with pytest.raises(UserError, match=f'conv_crf: .*{message}'):
        conv_crf(probs, image)


def test_black_images_are_taken():
    for image in (torch.zeros(1, 3, 4, 4), torch.ones(1, 3, 4, 4), torch.ones(1, 3, 4, 4, dtype=torch.uint8)):
        assert dense_crf(torch.full((1, 2, 4, 4), 0.5), image).isfinite().all()


def test_image_of_another_size_names_both():
    with pytest.raises(ValueError, match=r'\(1, 3, 4, 4\).*\(1, 3, 8, 8\).*resize'):
        dense_crf(torch.rand(1, 3, 4, 4), torch.rand(1, 3, 8, 8))


def test_label_maps_become_probabilities():
    probs = labels_to_probabilities(torch.tensor([[[0, 2, 255]]]), 3, 0.8)
    torch.testing.assert_close(probs[0, :, 0].t(), torch.tensor(
        [[0.8, 0.1, 0.1], [0.1, 0.1, 0.8], [1 / 3, 1 / 3, 1 / 3]]))
    with pytest.raises(ValueError, match=r'confidence=0\.3'):
        labels_to_probabilities(torch.zeros(1, 1, 1), 3, 0.3)

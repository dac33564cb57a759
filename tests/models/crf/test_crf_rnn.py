"""The CRF-RNN layer: the original's outputs and gradients on its lattice, an oracle's with exact kernels."""

import pytest
import torch
from golden_cases import GoldenCase

from mmseg_plugins.models.crf.crf_rnn import CRFRNN

MATRICES = ('spatial_ker_weights', 'bilateral_ker_weights', 'compatibility_matrix')


def stored_steps(case, prefix):
    """Numbers of iterations whose result the case has under ``prefix``."""
    return [int(name.removeprefix(prefix)) for name in case.arrays if name.startswith(prefix)]


def run(layer, case, steps, dtype=torch.float32):
    """Output and gradients of ``steps`` iterations with the case's matrices."""
    layer = layer.to(dtype)
    layer.load_state_dict({name: case.arrays[name] for name in MATRICES}, strict=True)
    unary = case.arrays['unary_logits'].to(dtype, copy=True).requires_grad_()
    output = layer(case.arrays['image'], unary, steps)
    layer.zero_grad()
    (output * case.arrays['grad_output']).sum().backward()
    grads = {f'grad_{name}_T{steps}': getattr(layer, name).grad for name in MATRICES}
    return {f'out_T{steps}': output.detach(), f'grad_unary_T{steps}': unary.grad, **grads}


@pytest.mark.golden
def test_golden_case():
    case = GoldenCase('crfrnn_layer')
    config = case.facts['config']
    widths = {name: config[name] for name in ('alpha', 'beta', 'gamma')}
    weights = {f'{kind}_weight': config[f'{kind}_ker_weight'] for kind in ('spatial', 'bilateral')}
    outputs = {}
    for steps in stored_steps(case, 'out_init_T'):
        layer = CRFRNN(config['num_labels'], iterations=steps, **widths, **weights)
        with torch.no_grad():
            outputs[f'out_init_T{steps}'] = layer(case.arrays['image'], case.arrays['unary_logits'])
    for steps in config['iterations']:
        outputs.update(run(CRFRNN(config['num_labels'], **widths), case, steps))
    case.check(outputs)


@pytest.mark.golden
def test_golden_case_of_the_exact_oracle():
    case = GoldenCase('crfrnn_exact_oracle')
    widths = {name: case.facts['config'][name] for name in ('alpha', 'beta', 'gamma')}
    outputs = {}
    for steps in stored_steps(case, 'out_T'):
        layer = CRFRNN(case.facts['config']['num_labels'], mode='exact', **widths)
        outputs.update(run(layer, case, steps, torch.float64))
    case.tolerance = case.facts['tolerance']['suggested_rel_float64_implementation']
    case.check(outputs)


def test_batch_is_image_by_image_and_autocast_changes_nothing():
    layer = CRFRNN(3, iterations=2)
    image, logits = torch.rand(2, 3, 7, 9) * 255, torch.randn(2, 3, 7, 9)
    together = layer(image, logits)
    torch.testing.assert_close(together[1:], layer(image[1:], logits[1:]))
    with torch.autocast('cpu', dtype=torch.bfloat16):
        torch.testing.assert_close(layer(image, logits), together)


def test_no_gradient_reaches_the_image():
    image = (torch.rand(1, 3, 4, 5) * 255).requires_grad_()
    CRFRNN(2, iterations=2)(image, torch.randn(1, 2, 4, 5, requires_grad=True)).sum().backward()
    assert image.grad is None


def test_sizes_that_differ_and_unknown_modes_are_refused():
    with pytest.raises(ValueError, match='resize the logits'):
        CRFRNN(2)(torch.zeros(1, 3, 8, 8), torch.zeros(1, 2, 4, 4))
    with pytest.raises(ValueError, match="mode='slow'"):
        CRFRNN(2, mode='slow')

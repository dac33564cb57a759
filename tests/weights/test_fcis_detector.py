"""Checkpoints of both FCIS implementations against the configs: every key, the outputs, every refusal."""

import pytest
import torch
from golden_cases import rel_error
from mmdet.registry import MODELS
from mmengine.registry import DefaultScope
from official_fcis import backbone, chainer_params, mxnet_params, official_weights, rpn, score_maps
from tiny_models import CONFIGS, batch, predictions_of

from mmseg_plugins.config.load import load_config
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.weights.convert import convert_state_dict
from mmseg_plugins.weights.fcis_detector import convert_fcis
from mmseg_plugins.weights.state_dict_rules import check_matches

PARAMS = {'msracver': mxnet_params, 'chainercv': chainer_params}
NAMES = {
    ('msracver', 80): 'fcis_r101-dc5_8xb1-240k_coco',
    ('msracver', 20): 'fcis_r101-dc5-random_4xb1-62k_sbd',
    ('chainercv', 80): 'fcis_r101-dc5-random-chainercv_8xb1-264k_coco',
    ('chainercv', 20): 'fcis_r101-dc5-random-chainercv_1xb1-236k_sbd',
}
SMALL = {2: 3, 3: 4, 4: 6, 5: 3}  # ResNet-50 has the same stages and keys in less time


def model_of(origin, classes, depth):
    cfg = load_config(CONFIGS / f'fcis/{NAMES[origin, classes]}.py', {'model.backbone.depth': depth})
    with DefaultScope.overwrite_default_scope('mmdet'):
        return MODELS.build(cfg.model).eval()


@pytest.fixture(scope='module', params=PARAMS)
def origin(request):
    return request.param


@pytest.fixture(scope='module')
def weights(origin):
    return official_weights(PARAMS[origin](anchors=9, classes=20, blocks=SMALL))


@pytest.fixture(scope='module')
def model(origin, weights):
    model = model_of(origin, 20, depth=50)
    model.load_state_dict(convert_state_dict(f'fcis-{origin}', weights)[0], strict=True)
    return model


@pytest.mark.parametrize(('classes', 'anchors'), [(80, 12), (20, 9)])
def test_every_key_of_the_released_model_is_used(origin, classes, anchors):
    shapes = PARAMS[origin](anchors, classes)
    empty = {name: torch.zeros(()).expand(shape) for name, shape in shapes.items()}
    converted, left_out = convert_state_dict(f'fcis-{origin}', empty)
    check_matches(converted, model_of(origin, classes, depth=101).state_dict(), 'the released setting')
    counters = [name for name in converted if name.endswith('num_batches_tracked')]
    assert len(converted) - len(counters) == len(shapes) - len(left_out)
    assert len(left_out) == (2 if origin == 'msracver' else len(counters))


@pytest.mark.parametrize('size', [(64, 96), (75, 101)])
def test_backbone_gives_the_same_maps(origin, weights, model, size):
    torch.manual_seed(0)
    image = torch.randn(1, 3, *size)
    with torch.no_grad():
        for ours, theirs in zip(model.backbone(image), backbone(weights, image, origin, SMALL), strict=True):
            assert rel_error(ours, theirs) < 3.2e-5


def test_rpn_gives_the_same_probabilities_and_deltas(origin, weights, model):
    torch.manual_seed(0)
    level = torch.randn(1, 1024, 5, 6)
    with torch.no_grad():
        (scores, ), (deltas, ) = model.rpn_head([level, torch.zeros(1, 2048, 5, 6)])
        wanted_scores, wanted_deltas = rpn(weights, level, origin)
    assert rel_error(scores[0].sigmoid(), wanted_scores) < 3.2e-5
    assert rel_error(deltas[0].unflatten(0, (-1, 4)), wanted_deltas) < 3.2e-5


def test_head_gives_the_same_score_maps(origin, weights, model):
    torch.manual_seed(0)
    level = torch.randn(1, 2048, 5, 6)
    with torch.no_grad():
        maps = model.roi_head.score_maps(level)
        wanted_seg, wanted_box = score_maps(weights, level, origin)
    assert rel_error(maps.seg[0], wanted_seg) < 3.2e-5
    assert rel_error(maps.box[0].unflatten(0, (4, 49)), wanted_box) < 3.2e-5


def test_image_to_score_maps_is_the_same(origin, weights, model):
    """Means and channel order of the config, backbone, head: one image from uint8 to the score maps."""
    data = batch([[]], size=(64, 80))
    with torch.no_grad():
        inputs = model.data_preprocessor(data, False)['inputs']
        ours = model.roi_head.score_maps(model.backbone(inputs)[1]).seg[0]
        rgb = data['inputs'][0].flip(0)[None].float() - torch.tensor([123.15, 115.90, 103.06])[:, None, None]
        theirs, _ = score_maps(weights, backbone(weights, rgb, origin, SMALL)[1], origin)
    assert rel_error(ours, theirs) < 3.2e-5


def test_anchors_are_those_of_the_implementation(origin, model):
    (anchors, ) = model.rpn_head.prior_generator.grid_priors([(2, 2)], device='cpu')
    first, last = {
        'msracver': ([-84.0, -40, 99, 55], [-168.0, -344, 183, 359]),  # rounded, inclusive corners around 7.5
        'chainercv': ([8 - 64 * 2**0.5, 8 - 64 / 2**0.5, 8 + 64 * 2**0.5, 8 + 64 / 2**0.5],
                      [8 - 256 / 2**0.5, 8 - 256 * 2**0.5, 8 + 256 / 2**0.5, 8 + 256 * 2**0.5]),
    }[origin]
    torch.testing.assert_close(anchors[[0, 8]], torch.tensor([first, last]))
    assert len(anchors) == 4 * 9


def test_a_prediction_runs_through(model):
    result = predictions_of(model, batch([[]], size=(64, 64)))[0]
    assert result.bboxes.isfinite().all()
    assert result.masks.shape[1:] == (64, 64)


def test_the_larger_eps_of_chainercvs_first_norm_is_kept():
    """A channel that hardly varies shows it: 1e-6 + 2e-5 is twice 1e-6 + 1e-5."""
    norm = model_of('chainercv', 20, 50).backbone.bn1
    parts = dict(gamma=torch.ones(64), beta=torch.zeros(64), avg_mean=torch.zeros(64), avg_var=torch.full((64, ), 1e-6))
    converted = convert_fcis({f'extractor/conv1/bn/{name}': tensor for name, tensor in parts.items()}, 'chainercv')
    norm.load_state_dict({name.removeprefix('backbone.bn1.'): tensor for name, tensor in converted.items()})
    ours = norm(torch.ones(1, 64, 1, 1)).flatten()
    torch.testing.assert_close(ours, torch.full((64, ), (1e-6 + 2e-5)**-0.5))


def test_names_without_prefix_are_the_same(origin):
    shapes = PARAMS[origin](blocks=SMALL)
    with_prefix = {name: torch.zeros(()).expand(shape) for name, shape in shapes.items()}
    bare = {name.split(':')[-1]: tensor for name, tensor in with_prefix.items()}
    one, other = (convert_state_dict(f'fcis-{origin}', names)[0] for names in (bare, with_prefix))
    assert one.keys() == other.keys()
    if origin == 'msracver':
        with pytest.raises(UserError, match=r"with and without it: \['conv1_weight'\]"):
            convert_fcis({'arg:conv1_weight': torch.zeros(1), 'conv1_weight': torch.zeros(1)}, origin)


def test_unknown_keys_are_listed(origin):
    with pytest.raises(UserError) as error:
        convert_fcis({'arg:res6a_branch1_weight': torch.zeros(1), 'rpn/conv2/W': torch.zeros(1)}, origin)
    assert 'res6a_branch1_weight' in str(error.value)
    assert 'rpn/conv2/W' in str(error.value)
    with pytest.raises(ValueError, match=r"one of \['chainercv', 'msracver'\], got 'mxnet'"):
        convert_fcis({}, 'mxnet')


def test_keys_of_the_other_implementation_are_refused(weights, origin):
    other = {'msracver': 'chainercv', 'chainercv': 'msracver'}[origin]
    with pytest.raises(UserError, match=f'not a checkpoint of FCIS of {other}'):
        convert_fcis(weights, other)


def test_box_channels_of_no_group_size_are_refused():
    with pytest.raises(UserError, match=r'head/ag_loc/b has 400 channels'):
        convert_fcis({'head/ag_loc/b': torch.zeros(400)}, 'chainercv')


def test_box_channels_of_other_group_sizes_are_put_in_order():
    """14 x 14 groups divide by 4 x 7 x 7, too."""
    given = torch.arange(8 * 14 * 14).float()
    ours = convert_fcis({'head/ag_loc/b': given}, 'chainercv')['roi_head.score_maps.bbox.bias']
    assert torch.equal(ours.view(2, 4, 196), given.view(2, 4, 196)[:, [1, 0, 3, 2]])

"""Former names of types and arguments work, and one warning gives today's."""

import inspect
import warnings

import pytest
from mmdet.registry import MODELS as MMDET_MODELS
from mmseg.registry import MODELS as MMSEG_MODELS

from mmseg_plugins.models.crf.crf_presets import resolve_params
from mmseg_plugins.models.decode_heads import DeepLabV2Head
from mmseg_plugins.registry import MODELS
from mmseg_plugins.utils.deprecation import accept_former_names


@accept_former_names(colour='color', grey='gray')
class Pen:
    """Has an argument with a former name."""

    def __init__(self, width, *, color='red', gray=False):
        self.values = width, color, gray


class Marker(Pen):
    """Hands its arguments on."""

    def __init__(self, **kwargs):
        super().__init__(3, **kwargs)


@pytest.mark.parametrize('registry', [MODELS, MMDET_MODELS, MMSEG_MODELS])
def test_a_former_type_builds_todays_class_with_one_warning(registry):
    cfg = dict(type='mmseg_plugins.DilatedSumHead', in_channels=4, num_classes=3,
               loss_decode=dict(type='mmseg.CrossEntropyLoss'))
    with pytest.warns(FutureWarning) as caught:
        head = registry.build(cfg)
    assert type(head) is DeepLabV2Head
    assert [str(one.message) for one in caught if one.category is FutureWarning] == [
        "type='mmseg_plugins.DilatedSumHead' is a former name. Fix: write type='mmseg_plugins.DeepLabV2Head'"]


def test_todays_type_and_arguments_do_not_warn():
    with warnings.catch_warnings():
        warnings.simplefilter('error', FutureWarning)
        assert MODELS.get('mmseg_plugins.DeepLabV2Head') is DeepLabV2Head
        assert Pen(1, color='blue').values == (1, 'blue', False)


@pytest.mark.parametrize(('make', 'width'), [(lambda **kwargs: Pen(1, **kwargs), 1), (Marker, 3)])
def test_a_former_argument_is_taken_and_named(make, width):
    with pytest.warns(FutureWarning, match="colour='blue' of Pen is a former name. Fix: write color='blue'$"):
        assert make(colour='blue').values == (width, 'blue', False)


def test_the_former_name_wins_over_a_base_configs():
    with pytest.warns(FutureWarning, match=r'grey=1 of Pen .* write gray=1 \(which it replaces: gray=2\)'):
        assert Pen(1, grey=1, gray=2).values == (1, 'red', 1)


@pytest.mark.parametrize(('options', 'name', 'value'), [
    (dict(type='GlobalConvHead', in_channels=[4, 8], num_classes=3, upsample='bilinear'), 'upsample_method', None),
    (dict(type='InstanceFCNHead', in_channels=4, upsample=2), 'upsample_factor', 2),
    (dict(type='EmbeddingHead', in_channels=[4], stride=4, num_classes=3, upsample=2), 'upsample_factor', 2),
    (dict(type='WeightedCrossEntropyLoss', normaliser='sum'), 'normalizer', 'sum'),
])
def test_arguments_that_configs_name_are_taken_under_their_former_names(options, name, value):
    with pytest.warns(FutureWarning, match=rf'Fix: write {name}='):
        built = MODELS.build(dict(options, type=f'mmseg_plugins.{options["type"]}'))
    assert value is None or getattr(built, name) == value


def test_crf_parameters_are_taken_under_their_former_names():
    with pytest.warns(FutureWarning, match='Fix: write color_schan=7'):
        post = MODELS.build(dict(type='mmseg_plugins.ConvCRFPostProcess', params=dict(colour_schan=7)))
    assert post.params.color_schan == 7
    with pytest.warns(FutureWarning, match="Fix: write normalization='none'"):
        assert resolve_params('pydensecrf', dict(normalisation='none')).normalization == 'none'


def test_the_signature_shows_todays_arguments():
    assert list(inspect.signature(Pen).parameters) == ['width', 'color', 'gray']

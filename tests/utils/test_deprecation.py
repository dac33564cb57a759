"""Former names of types and arguments work, and one warning gives today's."""

import inspect
import warnings

import pytest
from mmdet.registry import MODELS as MMDET_MODELS
from mmseg.registry import MODELS as MMSEG_MODELS

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
    with pytest.warns(FutureWarning, match='colour= of Pen is a former name. Fix: write color='):
        assert make(colour='blue').values == (width, 'blue', False)


def test_both_names_at_once_are_refused():
    with pytest.raises(TypeError, match=r"grey=1 and gray=2 are the same argument. Fix: leave out grey"):
        Pen(1, grey=1, gray=2)


def test_the_signature_shows_todays_arguments():
    assert list(inspect.signature(Pen).parameters) == ['width', 'color', 'gray']

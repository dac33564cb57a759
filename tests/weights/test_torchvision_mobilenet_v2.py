"""torchvision's MobileNetV2 in mmseg's, plain and expanded: the same maps as a slow transcription."""


import pytest
import torch
from golden_cases import golden_state_dict, rel_error
from mmseg.models.backbones import MobileNetV2
from official_mobilenet import torchvision_forward, torchvision_params

from mmseg_plugins.models.backbones import ExpandedMobileNetV2
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.weights.convert import convert_state_dict
from mmseg_plugins.weights.state_dict_rules import check_matches


@pytest.mark.parametrize(('build', 'name'), [
    (MobileNetV2, 'mobilenet-v2-torchvision'), (ExpandedMobileNetV2, 'mobilenet-v2-torchvision-expanded')])
def test_maps_are_torchvisions(build, name):
    weights = golden_state_dict(torchvision_params(), seed=2, gain=1.5)
    net = build(out_indices=tuple(range(7)))
    converted, left_out = convert_state_dict(name, weights)
    assert len(left_out) == 8  # the last convolution, its norm with a counter, and the classifier
    check_matches(converted, net.state_dict(), 'MobileNetV2')
    net.load_state_dict(converted, strict=True)
    net.eval()
    image = torch.randn(1, 3, 45, 66, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        for ours, theirs in zip(net(image), torchvision_forward(weights, image), strict=True):
            assert rel_error(ours, theirs) < 1e-5


def test_unknown_names_are_listed():
    with pytest.raises(UserError, match=r'features\.19\.0\.weight'):
        convert_state_dict('mobilenet-v2-torchvision', {'features.19.0.weight': torch.zeros(1)})

"""The weights that a package carries: the whole network names images, and a model starts from them."""

from pathlib import Path

import cv2
import pytest
import torch
import torch.nn.functional as F
from mmengine.registry import MODELS
from not_run_here import ENCODER

from mmseg_plugins.engine.checkpoint.safe_load import load_checkpoint_file
from mmseg_plugins.models.backbones import EfficientNetLite
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.weights.package_pretrained import carried_file

IMAGES = Path(__file__).resolve().parents[1] / 'images'
PRETRAINED = dict(type='mmseg_plugins.PackagePretrained', package=ENCODER)


def started(**kwargs):
    net = MODELS.build(dict(type='mmseg_plugins.EfficientNetLite', init_cfg=PRETRAINED, **kwargs))
    net.init_weights()
    return net.eval()


# Of ImageNet's 1,000 classes.
CATS, ESPRESSO = {281, 282, 285}, {967}  # tabby, tiger cat, Egyptian cat


@pytest.mark.parametrize(('image', 'classes'), [('cat', CATS), ('coffee', ESPRESSO)])
def test_the_whole_network_names_an_image(image, classes):
    weights = load_checkpoint_file(carried_file(ENCODER))
    pixels = cv2.imread(str(IMAGES / f'{image}.jpg'))[..., ::-1].copy()  # BGR -> RGB
    x = (torch.from_numpy(pixels).permute(2, 0, 1)[None].float() - 127) / 128
    with torch.no_grad():
        y = F.conv2d(started()(x)[-1], weights['_conv_head.weight'])
        norm = [weights[f'_bn1.{name}'] for name in ('running_mean', 'running_var', 'weight', 'bias')]
        y = F.relu6(F.batch_norm(y, *norm, eps=1e-3)).mean((2, 3))  # (1, 1280, 7, 7) -> (1, 1280)
        scores = F.linear(y, weights['_fc.weight'], weights['_fc.bias']).softmax(1)[0]
    assert int(scores.argmax()) in classes
    assert float(scores[list(classes)].sum()) > 0.7


def test_every_tensor_of_the_features_is_the_packages():
    weights = load_checkpoint_file(carried_file(ENCODER))
    own = started().state_dict()
    assert len(own) == len([key for key in weights if not key.startswith(('_conv_head', '_bn1', '_fc'))])
    assert torch.equal(own['blocks.15.project_conv.weight'], weights['_blocks.15._project_conv.weight'])
    assert torch.equal(own['bn0.running_var'], weights['_bn0.running_var'])


def test_weights_of_another_arch_are_refused():
    with pytest.raises(UserError, match=r'do not fit EfficientNetLite.*Fix: '):
        started(arch='lite1')


def test_a_host_reads_the_file_as_it_is():
    net = EfficientNetLite(init_cfg=dict(type='Pretrained', checkpoint=str(carried_file(ENCODER))))
    net.init_weights()
    pairs = zip(net.state_dict().values(), started().state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)

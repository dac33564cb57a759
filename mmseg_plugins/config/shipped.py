"""Trained models that the package brings along: their names, configs and files, each file checked.

A metafile's entry says ``Alias: [NAME]``, ``Weights: mmseg_plugins://NAME`` and, under ``Weights File``, the SHA-256.
The file is ``mmseg_plugins/weights/shipped/NAME.safetensors``.  ``mmseg-plugins publish`` writes both.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmseg_plugins.config.root import config_root
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.utils.suggest import did_you_mean
from mmseg_plugins.utils.yaml_text import read_yaml

#: Where the files lie, in a clone and in an installed package.
FOLDER = Path(__file__).resolve().parents[1] / 'weights' / 'shipped'
#: How mmengine's readers are told of one: ``load_from='mmseg_plugins://NAME'``.
SCHEME = 'mmseg_plugins://'
#: Most bytes of all files together: they are part of every installation.
BUDGET = 12_000_000


@dataclass(frozen=True)
class ShippedModel:
    """A trained model inside the package.

    Attributes:
        name: What ``predict``, ``test`` and :class:`~mmseg_plugins.apis.Predictor` take.
        config: The config's file.
        sha256: Of the published file.
        size: Its bytes.
    """

    name: str
    config: Path
    sha256: str
    size: int

    @property
    def file(self) -> Path:
        return file_of(self.name)


def file_of(name: str) -> Path:
    """Where the weights of a name lie."""
    return FOLDER / f'{name}.safetensors'


def shipped_models() -> dict[str, ShippedModel]:
    """Name -> model, as the metafiles name them; only those that name one are parsed."""
    found = {}
    root = config_root()
    for metafile in sorted(root.rglob('metafile.yml')):
        text = metafile.read_text(encoding='utf-8')
        for entry in read_yaml(text)['Models'] if SCHEME in text else ():
            if str(entry.get('Weights', '')).startswith(SCHEME):
                name, file = entry['Weights'].removeprefix(SCHEME), entry['Weights File']
                found[name] = ShippedModel(name, root.parent / entry['Config'], str(file['SHA256']), int(file['Bytes']))
    return found


def find_shipped(name: Any) -> ShippedModel | None:
    """The shipped model of a name; None for any other name, for files and for configs."""
    if not isinstance(name, (str, os.PathLike)) or os.path.isfile(name):
        return None
    return shipped_models().get(os.fspath(name))


def shipped_weights(config: Any, checkpoint: str | os.PathLike[str] | None) -> str | None:
    """The checkpoint of a command: the named one, else the file of a shipped model where ``config`` names one.

    ``mmseg_plugins://NAME`` names a shipped model's, too.

    Raises:
        UserError: as of :func:`checked_file` and :func:`weights_at`.
    """
    if checkpoint is not None:
        path = os.fspath(checkpoint)
        return weights_at(path) if path.startswith(SCHEME) else path
    model = find_shipped(config)
    return None if model is None else str(checked_file(model))


def weights_at(address: str) -> str:
    """The file of ``mmseg_plugins://NAME``.

    Raises:
        UserError: no shipped model has this name, or as of :func:`checked_file`.
    """
    name, models = address.removeprefix(SCHEME), shipped_models()
    if name not in models:
        raise UserError(f'{address}: no model of this name is shipped{did_you_mean(name, models)}.',
                        rule=f'one of {", ".join(models) or "none"}.', fix='correct the name, or name a file.')
    return str(checked_file(models[name]))


def checked_file(model: ShippedModel) -> Path:
    """The file of a shipped model, compared with its SHA-256.

    Raises:
        UserError: it is missing, or not the one that was published.
    """
    again = 'install the package again (pip install --force-reinstall --no-deps .; in a clone: git checkout)'
    if not model.file.is_file():
        raise UserError(f'{model.file}, the weights of {model.name}, does not exist.', fix=again)
    found = hashlib.sha256(model.file.read_bytes()).hexdigest()
    if found != model.sha256:
        raise UserError(f'{model.file} is not the published file of {model.name}: its SHA-256 is {found}.',
                        rule=f'{model.sha256}.', fix=again)
    return model.file

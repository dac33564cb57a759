"""From a released file to a checkpoint of this package: read safely, rename, compare with the model, write.

Example:
    >>> convert_weights('panet-official', 'panet_mask_step179999.pth', 'checkpoints/panet_r50.pth')  # doctest: +SKIP
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.registry import DATASETS, MODELS, DefaultScope
from mmengine.utils import import_modules_from_strings
from torch import Tensor, nn

from mmseg_plugins.config.load import load_config
from mmseg_plugins.engine.checkpoint.safe_load import CheckpointFileError
from mmseg_plugins.utils.atomic import atomic_save
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.utils.suggest import did_you_mean
from mmseg_plugins.weights.released_files import read_mxnet, read_npz, read_pickle, read_torch
from mmseg_plugins.weights.state_dict_rules import Tensors, check_matches
from mmseg_plugins.weights.table import FROM_DATASET, OPTIONS, OURS, RELEASES, SEE_LIST, Release, find_release, imported

AUTO = 'auto'
CONFIGS = Path(__file__).resolve().parents[1] / '.mim/configs'  # in a clone a link, in an installed package a folder


@dataclass(frozen=True)
class Conversion:
    """What was written.

    Attributes:
        name: The row of the table.
        target: The file.
        config: The config, or the part of a model, that the weights fit.
        tensors: How many the file holds.
        left_out: Keys of the original that have no place in the model, by rule.
        new: How many tensors of the model are not in the file and keep their first values.
    """

    name: str
    target: Path
    config: str
    tensors: int
    left_out: tuple[str, ...]
    new: int

    def __str__(self) -> str:
        lines = [f'{self.target}: {self.tensors} tensors for {self.config} ({self.name})']
        if self.left_out:
            shown = ', '.join(self.left_out[:4]) + (' ...' if len(self.left_out) > 4 else '')
            lines.append(f'left out by rule, no place in the model: {len(self.left_out)}: {shown}')
        if self.new:
            lines.append(f'not in the file: {self.new} tensors of the model, which keep their first values')
        return '\n'.join(lines)


@dataclass(frozen=True)
class TargetModel:
    """What the weights must fit: its name for messages, its config, and itself, with shapes but without numbers."""

    name: str
    cfg: Config | None
    model: nn.Module


def convert_weights(name: str, source: str | os.PathLike[str], target: str | os.PathLike[str],
                    config: str | os.PathLike[str] | None = None, **options: Any) -> Conversion:
    """Convert one released checkpoint.

    Args:
        name: Row of the table (:data:`mmseg_plugins.weights.table.RELEASES`), or ``'auto'``: the only row whose rules
            know every key of the file.
        source: The released file.  It is read without running any code in it.
        target: The file to write: ``state_dict``, and ``meta`` with ``source``, ``config``, ``release`` and, where they
            are known, ``dataset_meta.classes``.
        config: Config of the model that the weights must fit; default: the row's.
        options: Of :data:`mmseg_plugins.weights.table.OPTIONS`, as far as the row has them.

    Raises:
        UserError: no such source or config.
        CheckpointFileError: the source is damaged, or asks for code to be run.
        UserError: unknown name or option, a file of another kind, keys that are unknown, missing or of another shape
            than the model's; the message lists them.  Nothing is written.
    """
    if name == AUTO:
        name = guess_release(source)
    release = find_release(name)
    _check_options(release, options)
    with _errors_about(source):
        tensors = read_release(release, source)
    wanted = target_model(release, config, tensors)
    model = wanted.model.state_dict()
    parts = _parts(release, model)
    with _errors_about(source):
        converted, left_out = convert_state_dict(name, tensors, model, **options)
        check_matches(converted, parts, wanted.name if release.module else f'the model of {wanted.name}')
    classes = _classes(release, wanted)
    meta: dict[str, Any] = dict(source=os.fspath(source), config=wanted.name, release=name)
    if classes is not None:
        meta['dataset_meta'] = dict(classes=tuple(classes))
    atomic_save(dict(state_dict=converted, meta=meta), os.fspath(target))
    return Conversion(name, Path(target), wanted.name, len(converted), tuple(left_out), len(model) - len(parts))


def convert_state_dict(name: str, tensors: Mapping[str, Tensor], wanted: Mapping[str, Tensor] | None = None,
                       **options: Any) -> tuple[Tensors, list[str]]:
    """Rename the original's tensors by one row of the table, without reading or writing files.

    Args:
        name: Row of the table.
        tensors: Under the original's names.
        wanted: The model's ``state_dict``, which few rows need (``fits_model``).
        options: Of the row.

    Returns:
        The tensors under our names, and the keys that are left out by rule.

    Raises:
        UserError: listing keys that no rule knows.
    """
    release = find_release(name)
    left_out = [key for key in tensors if release.leaves_out(key)]
    kept = {key: tensor for key, tensor in tensors.items() if not release.leaves_out(key)}
    model = [wanted or {}] if release.fits_model else []
    return release.converter()(kept, *model, **release.arguments, **options), left_out


def read_release(release: Release, source: str | os.PathLike[str]) -> Mapping[str, Tensor]:
    """Tensors of a released file under the original's names; raises as :func:`convert_weights`."""
    if release.file == 'torch':
        return read_torch(source, release.keys)
    return {'mxnet': read_mxnet, 'npz': read_npz, 'pickle': read_pickle}[release.file](source)


def guess_release(source: str | os.PathLike[str]) -> str:
    """The only row of the table that reads a file and knows every key in it.

    Raises:
        UserError: no such file, no row that reads it, or several; the message names them.
    """
    if not Path(source).is_file():
        raise UserError(f'{os.fspath(source)} does not exist.', fix='correct the path.')
    fitting = [name for name, row in RELEASES.items() if _knows(row, source)]
    if len(fitting) != 1:
        names = f': {", ".join(fitting)}' if fitting else ''
        raise UserError(f'{os.fspath(source)} fits {len(fitting)} rows of the table{names}.',
                        rule=f'{AUTO!r} needs exactly one whose rules know every key.', fix=SEE_LIST)
    return fitting[0]


@contextmanager
def _errors_about(source: str | os.PathLike[str]) -> Iterator[None]:
    """Put the file's name in front of messages that lack it, and say after them that nothing was written."""
    try:
        yield
    except CheckpointFileError:  # says so itself
        raise
    except UserError as error:
        raise UserError(f'{os.fspath(source)}: {error}\nnothing was written') from error


def _knows(release: Release, source: str | os.PathLike[str]) -> bool:
    """Whether every key is one that the row converts or leaves out; shapes do not count."""
    try:
        return bool(convert_state_dict(release.name, read_release(release, source))[0])
    except UserError:
        return False


def _check_options(release: Release, options: Mapping[str, Any]) -> None:
    for option, value in options.items():
        if option not in release.options:
            owners = [name for name, row in RELEASES.items() if option in row.options]
            whose = f'it belongs to {", ".join(owners)}' if owners else 'no row has it' + did_you_mean(option, OPTIONS)
            raise UserError(f'{option}={value!r} is no option of {release.name}.', rule=f'{whose}.',
                            fix='leave it out.')
        if type(value) is not OPTIONS[option].kind:
            raise UserError(f'{option}={value!r} is of type {type(value).__name__}.',
                            rule=f'it must be of type {OPTIONS[option].kind.__name__}.', fix='give such a value.')


def target_model(release: Release, config: str | os.PathLike[str] | None,
                 tensors: Mapping[str, Tensor]) -> TargetModel:
    """The model of the config, or the row's part of a model, built without memory for its weights.

    Raises:
        UserError: the config is missing or broken, a config where none is asked for or none where one is, or one with
            other conventions.
    """
    if release.module is not None:
        if config is not None:
            raise UserError(
                f'config {os.fspath(config)} has no use.', fix='leave it out.',
                rule=f'{release.name} makes weights for {release.module["type"]}, whatever model holds it.')
        with DefaultScope.overwrite_default_scope('mmseg'), torch.device('meta'):
            return TargetModel(release.module['type'], None, MODELS.build(dict(release.module)))
    path = os.fspath(config) if config is not None else default_config(release, tensors)
    cfg = load_config(path if config is not None else CONFIGS / path.removeprefix(OURS))
    if cfg.get('custom_imports'):
        import_modules_from_strings(**cfg.custom_imports)
    with DefaultScope.overwrite_default_scope(cfg.get('default_scope', 'mmdet')), torch.device('meta'):
        model = MODELS.build(cfg.model)
    for key, value in release.requires.items():
        if (given := _attribute(model, key)) != value:
            raise UserError(
                f'the weights are of {release.name}, but {path} has model.{key} = {given!r}.',
                rule=f'weights run under the conventions they were trained with, {value!r}.',
                fix='leave --config out, or take a config with these conventions.')
    return TargetModel(path, cfg, model)


def default_config(release: Release, tensors: Mapping[str, Tensor]) -> str:
    """``mmseg_plugins::...``: the row's config for these tensors; ``UserError`` where it has none."""
    if isinstance(release.config, str):
        return f'{OURS}{release.config}'
    if release.config is None:
        raise UserError(f'{release.name} has several variants.', rule='the config of the model names the variant.',
                        fix='give it with --config; the README of its configs lists them.')
    classes = imported(release.count_classes)(tensors)
    if classes not in release.config:
        known = ' or '.join(map(str, sorted(release.config)))
        raise UserError(f'weights for {classes} classes: no config is known for them.',
                        rule=f'without --config, {known} classes.', fix='name the config of the model with --config.')
    return f'{OURS}{release.config[classes]}'


def _parts(release: Release, model: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What the file must hold of the model."""
    norms = () if release.norms else {name.rpartition('.')[0] for name in model if name.endswith('.running_mean')}
    return {name: value for name, value in model.items()
            if name.startswith(release.part) and name.rpartition('.')[0] not in norms}


def _classes(release: Release, target: TargetModel) -> Sequence[str] | None:
    """Names of the classes, where they are known."""
    if target.cfg is None or not release.classes:
        return None
    if release.classes == FROM_DATASET:
        return _dataset_classes(target.cfg)
    count = _attribute(target.model, release.num_classes)
    return next((names for name in release.classes if len(names := _known_classes(name)) == count), None)


def _dataset_classes(cfg: Config) -> Sequence[str] | None:
    """Class names of the config's training set: those it states, or those of its type; None where there are none."""
    dataset = cfg.train_dataloader.dataset
    stated = (dataset.get('metainfo') or {}).get('classes')
    name = dataset.type if '.' in dataset.type else f'{cfg.default_scope}.{dataset.type}'
    return stated or getattr(DATASETS.get(name), 'METAINFO', {}).get('classes')


def _known_classes(name: str) -> Sequence[str]:
    """Names of COCO's 80 objects, VOC's 20 objects, or VOC's 21 classes with background."""
    if name == 'coco':
        from mmdet.datasets import CocoDataset

        return CocoDataset.METAINFO['classes']
    if name == 'voc-objects':
        from mmseg_plugins.datasets.sbd_files import CLASSES

        return CLASSES
    from mmseg.datasets import PascalVOCDataset

    return PascalVOCDataset.METAINFO['classes']


def _attribute(model: nn.Module, path: str) -> Any:
    """A dotted attribute, ``None`` where a part of it is missing."""
    node: Any = model
    for part in path.split('.'):
        node = getattr(node, part, None)
    return node

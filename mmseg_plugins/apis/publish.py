"""Make a trained checkpoint part of the package: a small file, checked and named by a metafile."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmseg_plugins.apis.export import export_model
from mmseg_plugins.config.embedded import embedded_config
from mmseg_plugins.config.load import load_config
from mmseg_plugins.config.paths import config_root, iter_configs, metafile_of, resolve_config
from mmseg_plugins.config.shipped import BUDGET, SCHEME, file_of, shipped_models
from mmseg_plugins.engine.checkpoint.safe_load import load_checkpoint_file
from mmseg_plugins.reporting.metafiles import read_models, record_weights
from mmseg_plugins.utils.atomic import atomic_write_bytes
from mmseg_plugins.utils.errors import UserError

_NAME = re.compile(r'[a-z][a-z0-9]*(-[a-z0-9]+)+')


@dataclass(frozen=True)
class Published:
    """What was written.

    Attributes:
        file: The weights.
        metafile: Where their row is.
        size: Bytes of the file.
        sha256: Of the file.
        kept_full: Tensors that stay in 32 bit.
        metrics: Of the row, in percent: what the file should give when it is tested.
    """

    file: Path
    metafile: Path
    size: int
    sha256: str
    kept_full: tuple[str, ...]
    metrics: Mapping[str, float]


def publish_model(
    config: str | os.PathLike[str],
    checkpoint: str | os.PathLike[str],
    name: str,
    *,
    dataset: str | None = None,
) -> Published:
    """Write a checkpoint as the shipped model ``name``, and enter it into its config's metafile row.

    The weights are rounded to float16 (:func:`~mmseg_plugins.apis.export.half_precision`).  The file's header holds the
    classes, palette, config, iteration, data set, metrics and versions of the row.

    Args:
        config: One of our configs, with results in its metafile.
        checkpoint: Of a training of this config; its last one is what the row was measured with.
        name: Small letters, digits and hyphens: ``enet-camvid``.  A model of this name and config is replaced.
        dataset: Which of the row's results belong to the checkpoint; needed where there are several.

    Raises:
        UserError: the name is taken or of another form; the config is none of ours or has no results; the checkpoint is
            of another config, or does not fit; all shipped files together would be too large.
    """
    path = Path(resolve_config(os.fspath(config))).resolve()
    if not path.is_relative_to(config_root()):
        raise UserError(f'{config} is none of our configs.', rule='a shipped model has a row in a metafile.',
                        fix='name a config of mmseg-plugins list')
    _check_name(name, path)
    metafile, relative = metafile_of(path), path.relative_to(config_root().parent).as_posix()
    result = _result(metafile, relative, dataset)
    loaded = load_checkpoint_file(checkpoint)
    _check_same_model(loaded, path, os.fspath(checkpoint))
    iteration = (loaded.get('meta') or {}).get('iter')
    notes = dict(name=name, config=relative, iteration=iteration, dataset=result['Dataset'], metrics=result['Metrics'],
                 versions=result['Versions'])
    with tempfile.TemporaryDirectory() as folder:
        small = Path(folder) / file_of(name).name
        found = export_model(path, checkpoint, small, half=True, notes=notes)
        data = small.read_bytes()
    others = sum(model.size for model in shipped_models().values() if model.name != name)
    if others + len(data) > BUDGET:
        raise UserError(f'{name} has {len(data):,} bytes, the other shipped models {others:,}.',
                        rule=f'at most {BUDGET:,} together.', fix='ship a smaller network, or fewer')
    file_of(name).parent.mkdir(exist_ok=True)
    atomic_write_bytes(str(file_of(name)), data)
    sha256 = hashlib.sha256(data).hexdigest()
    facts = dict(SHA256=sha256, Bytes=len(data), Iteration=iteration, Dataset=result['Dataset'])
    record_weights(metafile, relative, {'Alias': [name], 'Weights': f'{SCHEME}{name}', 'Weights File': facts})
    return Published(file_of(name), metafile, len(data), sha256, tuple(found['kept_full']), result['Metrics'])


def _check_name(name: str, path: Path) -> None:
    if not _NAME.fullmatch(name):
        raise UserError('is no name of a shipped model.', value=name,
                        rule='words of small letters and digits, joined by hyphens.', fix='for instance enet-camvid')
    if name in {config.stem for config in iter_configs()}:
        raise UserError('is the name of a config.', value=name, fix='take another')
    other = shipped_models().get(name)
    if other is not None and other.config.resolve() != path:
        raise UserError(f'is a shipped model of {other.config.stem} already.', value=name, fix='take another name')


def _result(metafile: Path, config: str, dataset: str | None) -> Mapping[str, Any]:
    """The row's result that the checkpoint gave."""
    rows = read_models(metafile) if metafile.is_file() else []
    row = next((row for row in rows if row['Config'] == config), {})
    results = [one for one in row.get('Results') or () if dataset in (None, one['Dataset'])]
    if len(results) != 1:
        known = ', '.join(str(one['Dataset']) for one in row.get('Results') or ()) or 'none'
        raise UserError(f'{config} has {len(results)} results' + (f' on {dataset!r}.' if dataset else '.'),
                        rule=f'its metafile row says what the file should score; data sets there: {known}.',
                        fix='mmseg-plugins results record WORK_DIR first, or choose with --dataset')
    return dict(results[0])


def _check_same_model(loaded: Any, config: Path, checkpoint: str) -> None:
    """A checkpoint that holds its config must have been trained with the model that will compute with it."""
    if not isinstance((loaded.get('meta') or {}).get('cfg'), str):
        return  # converted weights: what must fit is compared when they are loaded
    own, trained = load_config(config).model, embedded_config(loaded, checkpoint).get('model')
    wrong = next(_differences(own, trained), None)
    if wrong is not None:
        raise UserError(f'{checkpoint} was trained with another model than {config.name} has: {wrong}.',
                        fix='name the config of its training')


def _differences(own: Any, other: Any, path: str = 'model') -> Iterator[str]:
    """Where two nested settings differ, lists and tuples alike."""
    if isinstance(own, dict) and isinstance(other, dict):
        for key in [*own, *(key for key in other if key not in own)]:
            yield from _differences(own.get(key), other.get(key), f'{path}.{key}')
    elif isinstance(own, (list, tuple)) and isinstance(other, (list, tuple)) and len(own) == len(other):
        for index, pair in enumerate(zip(own, other, strict=True)):
            yield from _differences(*pair, f'{path}[{index}]')
    elif own != other:
        yield f'{path} is {own!r} there and {other!r} in the checkpoint'

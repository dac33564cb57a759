"""A trained model as one file to give away: weights alone, with its config and its classes inside."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mmseg_plugins.apis.inference import Predictor
from mmseg_plugins.engine.checkpoint.safetensors_file import write_safetensors
from mmseg_plugins.utils.atomic import atomic_write
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.version import __version__

#: What is written, and what people ask for that is not.
FORMATS = ('pth', 'safetensors')
#: Largest relative error of float16 for numbers of its normal range.
_ROUNDING = 2.0**-11


def export_model(
    config: str | os.PathLike[str],
    checkpoint: str | os.PathLike[str],
    out_file: str | os.PathLike[str],
    *,
    half: bool = False,
    file_format: str | None = None,
    cfg_options: Mapping[str, Any] | None = None,
    notes: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Write weights, config and classes into one file.

    ``Predictor(None, out_file)`` and mmdet's ``DetInferencer(weights=out_file)`` need nothing else.  Optimizer,
    schedule and random states are left out: the file cannot be resumed from.

    Args:
        config: Name or path; it must be that of the checkpoint.
        checkpoint: ``.pth`` file of a training, or converted weights.
        out_file: File to write.
        half: Weights in 16 bit where :func:`half_precision` says so; they are computed with in 32 bit again.
        file_format: ``pth``, or ``safetensors`` (nothing in such a file can be run); None takes it from the suffix.
        cfg_options: Overrides that become part of the file's config.
        notes: Further entries of the file's ``meta``, of types that JSON has.

    Returns:
        ``parameters`` (number), ``bytes`` of the file, ``kept_full`` (names that stayed in 32 bit), ``classes``.

    Raises:
        UserError: another format, or a suffix of another one; the checkpoint does not fit the config.
    """
    suffix = Path(out_file).suffix.removeprefix('.')
    file_format = file_format or (suffix if suffix in FORMATS else 'pth')
    if file_format not in FORMATS:
        raise UserError(
            f'format {file_format!r} is not written: the models predict with loops and shapes that depend on the '
            'data, which such files cannot hold.',
            fix=f'--format {" or ".join(FORMATS)}, and Predictor on the other machine')
    if (file_format == 'safetensors') != (suffix == 'safetensors'):
        raise UserError(f'{out_file} is to be written as {file_format}.', rule='readers go by the suffix.',
                        fix=f'name it {Path(out_file).stem}.{file_format}')
    predictor = Predictor(config, checkpoint, 'cpu', cfg_options=cfg_options)
    weights = {name: value.detach().clone() for name, value in predictor.model.state_dict().items()}
    kept_full = half_precision(weights) if half else []
    cfg = predictor.cfg.pretty_text
    meta = dict(dataset_meta=predictor.meta, cfg=cfg, mmseg_plugins=__version__, exported_from=Path(checkpoint).name,
                **(notes or {}))
    if file_format == 'safetensors':
        atomic_write(os.fspath(out_file), lambda stream: write_safetensors(stream, weights, meta))
    else:
        atomic_write(os.fspath(out_file), lambda stream: torch.save(dict(state_dict=weights, meta=meta), stream))
    return dict(parameters=sum(parameter.numel() for parameter in predictor.model.parameters()),
                bytes=os.path.getsize(out_file), kept_full=kept_full, classes=predictor.meta['classes'])


def half_precision(weights: dict[str, Tensor]) -> list[str]:
    """Round a state dict to float16, in place, where that costs nothing that counts.

    Kept in float32 are vectors and scalars (statistics and scales of norms, biases: few bytes, wide ranges), and any
    tensor that loses more than float16's own rounding, 2^-11 of its norm: values above 65504, or mostly below 6e-5.

    Returns:
        The names of the float32 tensors that were kept.
    """
    kept = []
    for name, value in weights.items():
        if value.dtype != torch.float32:
            continue
        smaller = value.half()
        if value.dim() > 1 and (smaller.float() - value).norm() <= _ROUNDING * value.norm():
            weights[name] = smaller
        else:
            kept.append(name)
    return kept

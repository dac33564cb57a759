"""A trained model as one file to give away: weights alone, with its config and its classes inside."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mmseg_plugins.apis.inference import Predictor
from mmseg_plugins.utils.atomic import atomic_write
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.version import __version__

#: What is written, and what people ask for that is not.
FORMATS = ('pth',)
_HALF = torch.float16


def export_model(
    config: str | os.PathLike[str],
    checkpoint: str | os.PathLike[str],
    out_file: str | os.PathLike[str],
    *,
    half: bool = False,
    file_format: str = 'pth',
    cfg_options: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Write weights, config and classes into one file.

    ``Predictor(None, out_file)`` and mmdet's ``DetInferencer(weights=out_file)`` need nothing else.  Optimizer,
    schedule and random states are left out: the file cannot be resumed from.

    Args:
        config: Name or path; it must be that of the checkpoint.
        checkpoint: ``.pth`` file of a training, or converted weights.
        out_file: File to write.
        half: Weights in 16 bit (float16); they are computed with in 32 bit again.  A tensor with a value that float16
            cannot hold stays in 32 bit.
        file_format: ``pth``.
        cfg_options: Overrides that become part of the file's config.

    Returns:
        ``parameters`` (number), ``bytes`` of the file, ``kept_full`` (names that stayed in 32 bit), ``classes``.

    Raises:
        UserError: another format; the checkpoint does not fit the config.
    """
    if file_format not in FORMATS:
        raise UserError(
            f'format {file_format!r} is not written: the models predict with loops and shapes that depend on the '
            'data, which such files cannot hold.', fix='--format pth, and Predictor on the other machine')
    predictor = Predictor(config, checkpoint, 'cpu', cfg_options=cfg_options)
    weights = {name: value.detach().clone() for name, value in predictor.model.state_dict().items()}
    kept_full = []
    if half:
        for name, value in weights.items():
            smaller = _as_half(value)
            if smaller is None:
                kept_full.append(name)
            else:
                weights[name] = smaller
    cfg = predictor.cfg.pretty_text
    meta = dict(dataset_meta=predictor.meta, cfg=cfg, mmseg_plugins=__version__, exported_from=Path(checkpoint).name)
    content = dict(state_dict=weights, meta=meta)
    atomic_write(os.fspath(out_file), lambda stream: torch.save(content, stream))
    return dict(parameters=sum(parameter.numel() for parameter in predictor.model.parameters()),
                bytes=os.path.getsize(out_file), kept_full=kept_full, classes=predictor.meta['classes'])


def _as_half(value: Tensor) -> Tensor | None:
    """float32 as float16, other types as they are; None where a finite value would become infinite."""
    if value.dtype != torch.float32:
        return value
    smaller = value.to(_HALF)
    return None if (smaller.isinf() & value.isfinite()).any() else smaller

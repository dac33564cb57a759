"""What every converter of released checkpoints does around its rules: read safely, compare with the model, write."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.registry import DATASETS, MODELS, init_default_scope

from mmseg_plugins.config.load import load_config
from mmseg_plugins.engine.checkpoint.safe_load import load_checkpoint_file
from mmseg_plugins.weights.state_dict_rules import ConversionError, Tensors, check_matches


def build_parser(description: str | None, key: str | None, default_config: Path | None) -> argparse.ArgumentParser:
    """The command line of a converter.

    Args:
        description: The tool's docstring.
        key: Under which an official file holds its state dict; ``None`` where the file is the state dict.
        default_config: Of the model that the weights must fit; ``None`` makes ``--config`` required.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    kind = 'a state dict' if key is None else f'a dict with the state dict under {key!r}'
    parser.add_argument('source', help=f'the official file: {kind}')
    parser.add_argument('target', type=Path, help='the file to write')
    parser.add_argument('--config', default=default_config and str(default_config), required=default_config is None,
                        help='config of the model that the weights must fit')
    return parser


def convert_file(args: argparse.Namespace, key: str | None, convert: Callable[[Mapping[str, torch.Tensor]], Tensors],
                 classes: Callable[[Config, Tensors], Sequence[str] | None], part: str = '') -> None:
    """Read ``args.source``, convert it, and write ``args.target`` if it fits the model of ``args.config``.

    The source is read without running any code in it (torch's ``weights_only``).

    Args:
        key: Under which the official file holds its state dict; ``None`` where the file is the state dict.
        convert: From the official names and tensors to ours.
        classes: Names of the classes, from the config and the converted tensors, or ``None`` where they are unknown.
        part: Beginning of the names that must be converted, all others must not: ``'backbone.'``; ``''`` is all.

    Raises:
        SystemExit: the file is of another kind, or does not fit; the message lists the keys, and nothing is written.
    """
    state_dict = _state_dict(load_checkpoint_file(args.source), key, args.source)
    try:
        cfg = load_config(args.config)
        init_default_scope(cfg.get('default_scope', 'mmdet'))
        converted = convert(state_dict)
        wanted = {name: value for name, value in MODELS.build(cfg.model).state_dict().items() if name.startswith(part)}
        check_matches(converted, wanted, f'the model of {args.config}')
    except ConversionError as error:
        raise SystemExit(f'{args.source}: {error}\nnothing was written') from error
    write_checkpoint(args.target, converted, args.source, args.config, classes(cfg, converted))
    print(f'{args.target}: {len(converted)} tensors')


def dataset_classes(cfg: Config, _: Tensors) -> Sequence[str] | None:
    """Class names of the config's training set: those it states, or those of its type; None where there are none."""
    dataset = cfg.train_dataloader.dataset
    stated = (dataset.get('metainfo') or {}).get('classes')
    name = dataset.type if '.' in dataset.type else f'{cfg.default_scope}.{dataset.type}'
    return stated or getattr(DATASETS.get(name), 'METAINFO', {}).get('classes')


def _state_dict(source: Any, key: str | None, path: str) -> Mapping[str, torch.Tensor]:
    """The state dict of an official file, or ``SystemExit``."""
    found = sorted(map(str, source))[:5] if isinstance(source, dict) else type(source).__name__
    if key is not None:
        if not isinstance(source, dict) or key not in source:
            raise SystemExit(f'{path}: an official checkpoint holds its state dict under {key!r}, found {found}')
        source = source[key]
    elif not isinstance(source, dict) or not source or not all(isinstance(v, torch.Tensor) for v in source.values()):
        raise SystemExit(f'{path}: an official checkpoint is a state dict, found {found}; '
                         "save the state dict alone: torch.save(torch.load(FILE)['state_dict'], NEW_FILE)")
    return source


def write_checkpoint(target: Path, converted: Tensors, source: str | Path, config: str,
                     classes: Sequence[str] | None) -> None:
    """Write a checkpoint that says where it comes from, and its classes where they are known."""
    meta: dict = dict(source=str(source), config=config)
    if classes is not None:
        meta['dataset_meta'] = dict(classes=tuple(classes))
    target.parent.mkdir(parents=True, exist_ok=True)
    torch.save(dict(state_dict=converted, meta=meta), target)

"""Check a data set before anything is trained, from Python."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.config import Config
from mmengine.registry import MODELS
from mmengine.utils import import_modules_from_strings

from mmseg_plugins.config.build_errors import explain_build_errors
from mmseg_plugins.config.load import load_config
from mmseg_plugins.config.scope import enter_scope_of
from mmseg_plugins.data_check.check_config import check_config
from mmseg_plugins.data_check.check_report import DatasetReport, inputs_of
from mmseg_plugins.data_check.image_check import ImageOptions
from mmseg_plugins.engine.checks.image_sizes import SAFE, check_image_sizes
from mmseg_plugins.engine.runner.rehearsal import start_problem
from mmseg_plugins.utils.errors import UserError


def check_data(
    config: str | os.PathLike[str] | Config,
    splits: Sequence[str] = ('train', 'val', 'test'),
    *,
    cfg_options: Mapping[str, Any] | None = None,
    decode_images: bool = False,
    max_headers: int | None = 2000,
    data_only: bool = False,
) -> list[DatasetReport]:
    """Compare a config's classes and heads with its annotation files, and these with the image files.

    Args:
        config: Name, path or ``Config``.
        splits: Which loaders; a data set that several name is checked once.
        cfg_options: Overrides, as ``--cfg-options``.
        decode_images: Read every pixel of every image (minutes on COCO).
        max_headers: Image files opened per data set, evenly spread; None opens all.
        data_only: Leave out the start of the run: model, loaders, optimizer, hooks and metrics, built up to the first
            step, without weights.

    Returns:
        A report per data set: ``report.problems()`` stop a training, ``report.counts`` is what it will drop.

    Raises:
        UserError: the config cannot be read, or names no data.
    """
    cfg = config if isinstance(config, Config) else load_config(config, cfg_options)
    imports = cfg.get('custom_imports')
    if imports:
        import_modules_from_strings(**imports)
    enter_scope_of(cfg)
    reports = check_config(cfg, splits, ImageOptions(max_headers=max_headers, decode=decode_images))
    if not reports:
        raise UserError(f'the config has no data set of {", ".join(splits)} to check.',
                        fix='name a config with data loaders.')
    add_size_problems(reports, cfg)
    if not data_only:
        add_start_problem(reports, cfg, splits)
    return reports


def add_size_problems(reports: Sequence[DatasetReport], cfg: Config) -> None:
    """Add an error where the model does not take the sizes that the pipelines give, as a run would say."""
    inputs = inputs_of(reports)
    doubtful = any(h % SAFE or w % SAFE for sizes in inputs.values() for h, w in sizes)
    if not doubtful or any(report.problems() for report in reports) or not cfg.get('compatibility_check', True):
        return
    with explain_build_errors(cfg):
        model = MODELS.build(cfg.model)
    loader = cfg.get('train_dataloader') or {}
    try:
        check_image_sizes(model, inputs, loader.get('batch_size', 1), cfg.default_scope == 'mmseg')
    except UserError as error:
        reports[0].errors.append(str(error))


def add_start_problem(reports: Sequence[DatasetReport], cfg: Config, splits: Sequence[str]) -> None:
    """Add an error where the run would stop before its first step for another reason than the data."""
    if any(report.problems() for report in reports):
        return
    problem = start_problem(cfg, splits)
    if problem:
        reports[0].errors.append(problem)

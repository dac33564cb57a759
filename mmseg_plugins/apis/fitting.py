"""Measure a data set and write the settings that fit it: what the command ``fit`` does, from Python."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmseg_plugins.config.paths import inheritable_config
from mmseg_plugins.planning.centers import NEAR
from mmseg_plugins.planning.fingerprint import collect_objects, is_json, open_source, validation_source
from mmseg_plugins.planning.fitted_configs import RECORD, plan_configs, refuse_foreign_files, write_configs
from mmseg_plugins.planning.report import as_dict, format_markdown, format_text, measure
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.visualization.charts import draw_fit


@dataclass(frozen=True)
class FitResult:
    """What :func:`fit` found and wrote.

    Attributes:
        name: Of what was measured.
        text: The table, as the command prints it.
        parts: Its numbers, as in ``fit.json``.
        left_out: One line for each thing that could not be measured.
        configs: The fitted configs.
        written: All files, the configs first.
    """

    name: str
    text: str
    parts: dict[str, Any]
    left_out: list[str]
    configs: list[Path]
    written: list[Path]


def fit(
    source: str | os.PathLike[str],
    out_dir: str | os.PathLike[str],
    *,
    fragment: str | os.PathLike[str] | None = None,
    size: tuple[int, int] | None = None,
    max_images: int = 5000,
    seed: int = 0,
    cfg_options: Mapping[str, Any] | None = None,
    command: str = '',
) -> FitResult:
    """Measure the objects of a data set, compare them with each system's settings, and write configs that fit.

    Args:
        source: A config (its training pipeline is run), or a COCO annotation file (``.json``; images as they are).
        out_dir: Folder for the fitted configs, ``fit.md``, ``fit.json`` and ``fit.png``.
        fragment: With a config: another place for the fitted config.
        size: With a JSON: (long, short) side in px that images are resized to, as mmdet's ``scale``.
        max_images: Measure at most so many, evenly spaced.
        seed: Of the random crops and resizes.
        cfg_options: With a config: overrides, as ``--cfg-options``.
        command: What the written files name as their origin; a call of this function by default.

    Raises:
        UserError: the source is missing or no instance data; a target was changed since, or is not this tool's.
    """
    name, out = os.fspath(source), Path(out_dir)
    if not is_json(name):
        name = inheritable_config(name)
    if is_json(name) and (fragment or cfg_options):
        raise UserError('--fragment and --cfg-options belong to a config, not to a JSON.', fix='leave them out.')
    command = command or f'mmseg_plugins.apis.fit({name!r}, {os.fspath(out_dir)!r})'
    opened = open_source(name, size, cfg_options)
    configs = plan_configs(opened, out, None if fragment is None else Path(fragment))
    refuse_foreign_files(configs, opened, out)
    objects = collect_objects(opened, max_images, seed)
    left_out = list(opened.left_out)
    try:
        validation = validation_source(opened)
        tested = None if validation is None else collect_objects(validation, max_images, seed)
    except UserError as error:
        tested = None
        left_out.append(f'the validation images: {error}')
    report = measure(objects, opened.cfg.get('model'), tested)
    out.mkdir(parents=True, exist_ok=True)
    files = write_configs(configs, objects, opened, command, out)
    parts = as_dict(report)
    notes = ''.join(f'not measured: {line}\n\n' for line in left_out)
    (out / 'fit.md').write_text(f'`{command}`\n\n{notes}{format_markdown(report)}', encoding='utf-8')
    record = dict(command=command, left_out=left_out, parts=parts, files=files)
    (out / RECORD).write_text(json.dumps(record, indent=1) + '\n', encoding='utf-8')
    plots = _draw(out / 'fit.png', objects, report, opened.name)
    paths = [config.path for config in configs]
    return FitResult(opened.name, format_text(report), parts, left_out, paths,
                     [*paths, out / 'fit.md', out / RECORD, plots])


def _draw(path: Path, objects: Any, report: Any, name: str) -> Path:
    anchors, rois, masks = (report.parts[part].plot for part in ('anchors', 'rois', 'masks'))
    return draw_fit(
        path,
        name,
        sizes=objects.sizes,
        nearest=report.centers.nearest,
        counts=objects.whole_counts,
        near=NEAR,
        best_ious={'now': anchors['now'], 'fitted': anchors['fitted']},
        levels={'now': rois['now'], 'fitted': rois['fitted']},
        strides=rois['strides'],
        mask_sizes=masks['sizes'],
        mask_ious=masks['ious'],
    )

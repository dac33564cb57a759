"""From a finished run or test to its config's metafile, and from the metafiles to every table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.logging import MMLogger

from mmseg_plugins.benchmark.models import Settings, measure_trained
from mmseg_plugins.config.load import load_config
from mmseg_plugins.config.paths import config_root, metafile_of
from mmseg_plugins.reporting.curve_table import fill_curves
from mmseg_plugins.reporting.metafiles import (
    evaluation_to_results,
    read_models,
    read_summary,
    speed_to_results,
    summary_to_results,
    weights_of,
)
from mmseg_plugins.reporting.overview import fill_overview, read_entries
from mmseg_plugins.reporting.results_table import fill_tables
from mmseg_plugins.reporting.run_report import FILES
from mmseg_plugins.reporting.scalars import read_scalars
from mmseg_plugins.reporting.shipped_table import fill_shipped
from mmseg_plugins.utils import environment
from mmseg_plugins.utils.devices import usable_device
from mmseg_plugins.utils.errors import UserError


@dataclass(frozen=True)
class Finished:
    """A run or a test: its config (relative to the project), its numbers, and the checkpoint of both, if any."""

    config: Path
    results: dict[str, Any]
    checkpoint: Path | None

    @property
    def metafile(self) -> Path:
        return metafile_of(config_root().parent / self.config)


def update_tables(check: bool) -> list[str]:
    """Make the tables of all READMEs anew; return those that changed (with ``check``: would change)."""
    configs = config_root()
    models = {path.with_name('README.md'): read_models(path) for path in sorted(configs.rglob('metafile.yml'))}
    everyone = [model for listed in models.values() for model in listed]
    changed = []
    docs = configs.parent / 'docs'
    pages = {docs / 'pretrained.md': fill_shipped, docs / 'training.md': fill_curves}
    found = [page for page in pages if page.is_file()]  # not in an installed package
    for readme in [configs / 'README.md', *models, *found]:
        before = readme.read_text(encoding='utf-8')
        if readme in models:
            after = fill_tables(before, models[readme], everyone)
        elif readme in pages:
            after = pages[readme](before, everyone)
        else:
            after = fill_overview(before, read_entries(configs), configs)
        if after != before:
            changed.append(str(readme.relative_to(configs.parent)))
            if not check:
                readme.write_text(after, encoding='utf-8')
    return changed


def measure_speed(
    run: Finished, images: int, steps: int, device: str, cfg_options: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Seconds and multiply-adds of one image and seconds of a training step, with the run's weights.

    Raises:
        UserError: the test images or the checkpoint are not there, or the checkpoint does not fit.
    """
    if run.checkpoint is not None and not run.checkpoint.is_file():
        raise UserError(f'{run.checkpoint.parent} holds no checkpoint to measure with.', fix='--no-measure')
    MMLogger.get_current_instance().setLevel('WARNING')  # a line for each parameter of the optimizer
    steps = 0 if run.checkpoint is None else steps  # without parameters
    settings = Settings(train_iters=steps, infer_images=images, device=str(usable_device(device)))
    measured = measure_trained(load_config(config_root().parent / run.config, cfg_options), settings, run.checkpoint)
    if measured['data'] != 'data set':
        raise UserError(f'{measured["data"]}; seconds per image depend on what is found in it.',
                        fix='--cfg-options data_root=..., or --no-measure')
    return speed_to_results(measured, environment.hardware())


def finished_run(work_dir: Path) -> Finished:
    """A training run.

    Raises:
        UserError: the run is not finished, or its config is none of ours.
    """
    summary = read_summary(work_dir)
    files = summary.get('checkpoints') or {}
    checkpoint = work_dir / (files.get('best') or files.get('last') or 'none')
    table = work_dir / FILES['scalars']
    scalars = read_scalars(table) if table.is_file() else []
    return Finished(_relative(summary['config']), summary_to_results(summary, scalars), checkpoint)


def finished_test(work_dir: Path) -> Finished:
    """A test: with the weights of another config, or with those of a run of the same config.

    Raises:
        UserError: no test there; its weights are of another config than the metafile's.
    """
    if not (work_dir / 'test_summary.json').is_file():
        raise UserError(f'{work_dir} holds no test_summary.json.', fix='name the folder of mmseg-plugins test')
    tested = read_summary(work_dir, 'test_summary.json')
    config = _relative(tested['config'])
    if not tested['parameters']['total']:
        return Finished(config, evaluation_to_results(tested, None), None)
    checkpoint = Path(tested['checkpoint'])
    training = read_summary(checkpoint.parent) if (checkpoint.parent / 'summary.json').is_file() else None
    trained = Path(training['config']).stem if training else None
    if training and trained == config.stem:  # its own weights: the test's scores next to the training's cost
        scores = evaluation_to_results(tested, config.stem)
        cost = summary_to_results(training)
        return Finished(config, {**cost, 'Metrics': scores['Metrics'], 'Command': scores['Command']}, checkpoint)
    name = weights_of(sorted(config_root().rglob('metafile.yml')), config.as_posix())
    if trained not in (None, name):
        raise UserError(f'{checkpoint} was trained by {trained}, but the metafile says Weights Of: {name}.',
                        fix=f'test a checkpoint of {name}, or correct the metafile')
    return Finished(config, evaluation_to_results(tested, name), checkpoint)


def _relative(config: str) -> Path:
    """``configs/...`` of one of our configs."""
    path = Path(config).resolve()
    if not path.is_relative_to(config_root()):
        raise UserError(f'{config} lies outside {config_root()}.', rule='metafiles describe the configs there.',
                        fix='record runs of these configs')
    return path.relative_to(config_root().parent)

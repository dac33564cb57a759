"""Keep measured numbers in metafile.yml and print the tables of the READMEs from there.

    python tools/misc/results.py record WORK_DIR --dataset nuclei          # a finished run, into its config's metafile
    python tools/misc/results.py record WORK_DIR --dataset camvid --test   # a finished tools/test.py, likewise
    python tools/misc/results.py tables [--check]                          # every marked table under configs/

``record`` also measures, with the run's best weights, seconds and multiply-adds of
one test image and seconds of a training step: what a run itself noted depends on
what else its machine did (``--no-measure`` leaves that out).

``--test`` reads the ``test_summary.json`` that

    python tools/test.py CONFIG work_dirs/<trained config>/<checkpoint>

left in WORK_DIR (work_dirs/<config>, or what --work-dir named).  CONFIG may be
another one than that of the weights (a CRF behind the same network): then its
metafile entry says ``Weights Of: <trained config>``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmengine.logging import MMLogger

from mmseg_plugins.reporting.metafiles import (
    evaluation_to_results,
    fill_tables,
    read_models,
    read_summary,
    record,
    speed_to_results,
    summary_to_results,
    weights_of,
)
from mmseg_plugins.reporting.overview import fill_overview, read_entries
from mmseg_plugins.utils.cfg_options import CfgOptions
from mmseg_plugins.utils.errors import UserError

PROJECT = Path(__file__).resolve().parents[2]


def update_tables(check: bool) -> list[str]:
    """Make the tables anew; return the READMEs that changed (with ``check``: would change)."""
    configs = PROJECT / 'configs'
    models = {path.with_name('README.md'): read_models(path) for path in sorted(configs.rglob('metafile.yml'))}
    changed = []
    for readme in [configs / 'README.md', *models]:
        before = readme.read_text(encoding='utf-8')
        if readme in models:
            after = fill_tables(before, models[readme])
        else:
            after = fill_overview(before, read_entries(configs), configs)
        if after != before:
            changed.append(str(readme.relative_to(PROJECT)))
            if not check:
                readme.write_text(after, encoding='utf-8')
    return changed


def measure(checkpoint: Path, config: Path, args: argparse.Namespace) -> dict[str, Any]:
    """Seconds and multiply-adds of one image and seconds of a training step, with the given weights.

    Raises:
        ValueError: the test images or the checkpoint are not there, or the checkpoint does not fit.
    """
    from mmseg_plugins.benchmark.models import Settings, measure_trained
    from mmseg_plugins.config.load import load_config
    from mmseg_plugins.utils import environment

    if not checkpoint.is_file():
        raise ValueError(f'{args.work_dir} holds no checkpoint to measure with. Fix: --no-measure')
    MMLogger.get_current_instance().setLevel('WARNING')  # a line for each parameter of the optimizer
    settings = Settings(train_iters=args.steps, infer_images=args.images, device=args.device)
    measured = measure_trained(load_config(config, args.cfg_options), settings, checkpoint)
    if measured['data'] != 'data set':
        raise ValueError(
            f'{measured["data"]}; seconds an image depend on what is found in it. '
            'Fix: --cfg-options data_root=..., or --no-measure'
        )
    return speed_to_results(measured, environment.hardware())


def results_of_run(args: argparse.Namespace) -> tuple[Path, dict[str, Any], Path]:
    """Config (relative to the project), numbers and checkpoint of a training run.

    Raises:
        ValueError: the run is not finished.
    """
    summary = read_summary(args.work_dir)
    files = summary.get('checkpoints') or {}
    checkpoint = args.work_dir / (files.get('best') or files.get('last') or 'none')
    return Path(summary['config']).resolve().relative_to(PROJECT), summary_to_results(summary), checkpoint


def results_of_test(args: argparse.Namespace) -> tuple[Path, dict[str, Any], Path]:
    """The same of a test: with the weights of another config, or with those of a run of the same config.

    Raises:
        ValueError: no test there; its weights are of another config than the metafile's.
    """
    if not (args.work_dir / 'test_summary.json').is_file():
        raise ValueError(f'{args.work_dir} holds no test_summary.json. Fix: name the folder of tools/test.py')
    tested = read_summary(args.work_dir, 'test_summary.json')
    config = Path(tested['config']).resolve().relative_to(PROJECT)
    checkpoint = Path(tested['checkpoint'])
    training = read_summary(checkpoint.parent) if (checkpoint.parent / 'summary.json').is_file() else None
    trained = Path(training['config']).stem if training else None
    if training and trained == config.stem:  # its own weights: the test's scores beside the training's cost
        scores = evaluation_to_results(tested, config.stem)
        cost = summary_to_results(training)
        return config, {**cost, 'Metrics': scores['Metrics'], 'Command': scores['Command']}, checkpoint
    name = weights_of(sorted((PROJECT / 'configs').rglob('metafile.yml')), config.as_posix())
    if trained not in (None, name):
        raise ValueError(f'{checkpoint} was trained by {trained}, but the metafile says Weights Of: {name}. '
                         f'Fix: test a checkpoint of {name}, or mend the metafile')
    return config, evaluation_to_results(tested, name), checkpoint


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    actions = parser.add_subparsers(dest='action', required=True)
    recorder = actions.add_parser('record', help='write the results of a finished run into its metafile')
    recorder.add_argument('work_dir', type=Path)
    recorder.add_argument('--dataset', required=True, help='name of the data, as the tables name it')
    recorder.add_argument('--test', action='store_true', help='a test (test_summary.json), not a training')
    recorder.add_argument('--no-measure', action='store_true', help='do not measure seconds and operations an image')
    recorder.add_argument('--images', type=int, default=20, help='test images that are timed (default 20)')
    recorder.add_argument('--steps', type=int, default=10, help='training steps that are timed (default 10; 0: none)')
    recorder.add_argument('--device', default='cpu', help='where images are timed (default cpu)')
    recorder.add_argument('--cfg-options', nargs='+', action=CfgOptions, help='for measuring, e.g. data_root=...')
    tables = actions.add_parser('tables', help='make the tables of the READMEs anew')
    tables.add_argument('--check', action='store_true', help='write nothing; exit status 1 when a table is out of date')
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    args = build_parser().parse_args(argv)
    if args.action == 'record':
        try:
            config, results, checkpoint = results_of_test(args) if args.test else results_of_run(args)
            parents = [*(PROJECT / config).parents][:2]  # an ablation's or example's system stands one folder above
            metafile = next((path for folder in parents if (path := folder / 'metafile.yml').is_file()),
                            parents[0] / 'metafile.yml')
            if not args.no_measure:
                results.update(measure(checkpoint, PROJECT / config, args))
            record(metafile, config.as_posix(), args.dataset, results)
        except (UserError, OSError, ValueError) as error:
            print(f'error: {error}', file=sys.stderr)
            return 1
        print(f'recorded in {metafile.relative_to(PROJECT)}')
    changed = update_tables(check=args.action == 'tables' and args.check)
    for name in changed:
        print(f'{name}: {"out of date" if getattr(args, "check", False) else "updated"}')
    return 1 if changed and getattr(args, 'check', False) else 0


if __name__ == '__main__':
    sys.exit(main())

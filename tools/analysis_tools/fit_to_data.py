"""Measure your data and write the settings that fit it.

    python tools/analysis_tools/fit_to_data.py CONFIG --out DIR              # through the config's training pipeline
    python tools/analysis_tools/fit_to_data.py instances.json --out DIR      # images as they are
    python tools/analysis_tools/fit_to_data.py instances.json --size 1333 800 --out DIR

Every system's defaults are COCO's.  This prints what they meet in your data
(sizes, distances of centres, cells that objects share in SOLO's grids, anchors
that reach the objects, RoIs on each pyramid level, what masks lose at 28 x 28,
overlap, objects against limits) beside the values that fit, and writes into DIR

    <config>_fitted.py                             the config with the values that fit (it inherits the config)
    mask-rcnn.py fcis.py solo.py mask2former.py    with a JSON: one fragment a system, to be given its _base_
    fit.md  fit.json  fit.png                      the table, its numbers, plots

How values are chosen: docs/fit_to_data.md.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmengine.config import DictAction


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('source', help='config file, mmdet::..., or COCO annotation file (.json)')
    parser.add_argument('--out', type=Path, required=True, help='folder for the fragment, the table and the plots')
    parser.add_argument('--fragment', type=Path, help='with a config: another place for the fitted config')
    parser.add_argument('--size', type=int, nargs=2, metavar=('LONG', 'SHORT'), help='with a JSON: resize as mmdet '
                        'does with scale=(LONG, SHORT); default: images as they are')
    parser.add_argument('--max-images', type=int, default=5000, help='measure at most so many, evenly spaced')
    parser.add_argument('--seed', type=int, default=0, help='of the random crops and resizes (default 0)')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, help='overrides of the config, key=value')
    return parser


def write_fragments(args: argparse.Namespace, source: Any, objects: Any, command: str) -> list[Path]:
    """The fitted config of a config, or one fragment for each known system of a JSON."""
    from mmseg_plugins.analysis.default_systems import DEFAULT_SYSTEMS
    from mmseg_plugins.analysis.fragment import fragment_text
    from mmseg_plugins.analysis.report import system_parts

    facts = f'Fitted to {len(objects):,} objects in {len(objects.inputs):,} inputs of {source.name} by'
    model = source.cfg.get('model')
    jobs: list[tuple[Path, Any, str | None, list[str]]] = []
    if args.source.endswith('.json'):
        for stem, (serves, defaults) in DEFAULT_SYSTEMS.items():
            head = [f'{serves}.', facts, f'  {command}', 'Name the config to change as _base_.']
            jobs.append((args.out / f'{stem}.py', defaults, None, head))
    elif model is not None:
        stem = args.source.rsplit('::', 1)[-1]
        target = args.fragment or args.out / f'{Path(stem).stem}_fitted.py'
        base = args.source if '::' in args.source else Path(os.path.relpath(args.source, target.parent)).as_posix()
        head = [facts, f'  {command}', 'Train:', f'  python tools/train.py {target.as_posix()}']
        jobs.append((target, model, base, head))
    written = []
    for target, system, base, head in jobs:
        entries = [entry for part in system_parts(objects, system) for entry in part.entries]
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(fragment_text(entries, head, base), encoding='utf-8')
        written.append(target)
    return written


def draw(path: Path, objects: Any, report: Any, name: str) -> Path:
    from mmseg_plugins.analysis.centres import NEAR
    from mmseg_plugins.visualization.fit_plots import draw_fit

    anchors, rois, masks = (report.parts[part].plot for part in ('anchors', 'rois', 'masks'))
    return draw_fit(
        path,
        name,
        sizes=objects.sizes,
        nearest=report.centres.nearest,
        counts=objects.whole_counts,
        near=NEAR,
        best_ious={'now': anchors['now'], 'fitted': anchors['fitted']},
        levels={'now': rois['now'], 'fitted': rois['fitted']},
        strides=rois['strides'],
        mask_sizes=masks['sizes'],
        mask_ious=masks['ious'],
    )


def main(argv: Sequence[str] | None = None) -> int:
    argv = list(sys.argv[1:] if argv is None else argv)
    parser = build_parser()
    args = parser.parse_args(argv)
    if args.max_images < 1:
        parser.error(f'--max-images {args.max_images}: at least one image')
    from mmseg_plugins.analysis.collect import FitError, collect_objects, open_source, validation_source
    from mmseg_plugins.analysis.report import as_dict, format_markdown, format_text, measure
    from mmseg_plugins.config import ConfigError

    try:
        source = open_source(args.source, tuple(args.size) if args.size else None, args.cfg_options)
        objects = collect_objects(source, args.max_images, args.seed)
        validation = validation_source(source)
        tested = None if validation is None else collect_objects(validation, args.max_images, args.seed)
    except (FileNotFoundError, ConfigError, FitError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    report = measure(objects, source.cfg.get('model'), tested)
    args.out.mkdir(parents=True, exist_ok=True)
    command = shlex.join(['python', 'tools/analysis_tools/fit_to_data.py', *argv])
    print(f'{source.name}\n')
    print(format_text(report))
    written = write_fragments(args, source, objects, command)
    for name, text in (
        ('fit.md', f'`{command}`\n\n{format_markdown(report)}'),
        ('fit.json', json.dumps(dict(command=command, parts=as_dict(report)), indent=1) + '\n'),
    ):
        (args.out / name).write_text(text, encoding='utf-8')
        written.append(args.out / name)
    written.append(draw(args.out / 'fit.png', objects, report, source.name))
    print('\nwritten: ' + ' '.join(map(str, written)))
    return 0


if __name__ == '__main__':
    sys.exit(main())

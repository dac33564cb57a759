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

Files that were changed since, or that are not this tool's, are not written over.
How values are chosen: docs/fit_to_data.md.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmseg_plugins.utils.cfg_options import CfgOptions
from mmseg_plugins.utils.errors import UserError


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('source', help='config file, mmdet::..., or COCO annotation file (.json)')
    parser.add_argument('--out', type=Path, required=True, help='folder for the fragment, the table and the plots')
    parser.add_argument('--fragment', type=Path, help='with a config: another place for the fitted config')
    parser.add_argument('--size', type=int, nargs=2, metavar=('LONG', 'SHORT'), help='with a JSON: resize as mmdet '
                        'does with scale=(LONG, SHORT); default: images as they are')
    parser.add_argument('--max-images', type=int, default=5000, help='measure at most so many, evenly spaced')
    parser.add_argument('--seed', type=int, default=0, help='of the random crops and resizes (default 0)')
    parser.add_argument('--cfg-options', nargs='+', action=CfgOptions, help='overrides of the config, key=value')
    return parser


def draw(path: Path, objects: Any, report: Any, name: str) -> Path:
    from mmseg_plugins.planning.centers import NEAR
    from mmseg_plugins.visualization.charts import draw_fit

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


def main(argv: Sequence[str] | None = None) -> int:
    argv = list(sys.argv[1:] if argv is None else argv)
    parser = build_parser()
    args = parser.parse_args(argv)
    if args.max_images < 1:
        parser.error(f'--max-images {args.max_images}: at least one image')
    if args.size and min(args.size) < 1:
        parser.error(f'--size {args.size[0]} {args.size[1]}: at least 1 pixel')
    from mmseg_plugins.cli.failures import is_explained
    from mmseg_plugins.planning.fingerprint import is_json

    if is_json(args.source) and (args.fragment or args.cfg_options):
        parser.error('--fragment and --cfg-options belong to a config, not to a JSON')

    try:
        written = measure_and_write(args, shlex.join(['python', 'tools/analysis_tools/fit_to_data.py', *argv]))
    except Exception as error:
        if not is_explained(error):
            raise
        print(f'error: {error}', file=sys.stderr)
        return 2
    print('\nwritten: ' + ' '.join(map(str, written)))
    return 0


def measure_and_write(args: argparse.Namespace, command: str) -> list[Path]:
    """Measure the source, print the table, write everything; returns what was written."""
    from mmseg_plugins.planning.fingerprint import collect_objects, open_source, validation_source
    from mmseg_plugins.planning.fitted_configs import RECORD, plan_configs, refuse_foreign_files, write_configs
    from mmseg_plugins.planning.report import as_dict, format_markdown, format_text, measure

    source = open_source(args.source, tuple(args.size) if args.size else None, args.cfg_options)
    configs = plan_configs(source, args.out, args.fragment)
    refuse_foreign_files(configs, source, args.out)
    objects = collect_objects(source, args.max_images, args.seed)
    left_out = list(source.left_out)
    try:
        validation = validation_source(source)
        tested = None if validation is None else collect_objects(validation, args.max_images, args.seed)
    except UserError as error:
        tested = None
        left_out.append(f'the validation images: {error}')
    report = measure(objects, source.cfg.get('model'), tested)
    args.out.mkdir(parents=True, exist_ok=True)
    lines = [f'not measured: {line}' for line in left_out]
    print('\n'.join([source.name, *lines, '', format_text(report)]))
    files = write_configs(configs, objects, source, command, args.out)
    record = dict(command=command, left_out=left_out, parts=as_dict(report), files=files)
    notes = ''.join(f'{line}\n\n' for line in lines)
    (args.out / 'fit.md').write_text(f'`{command}`\n\n{notes}{format_markdown(report)}', encoding='utf-8')
    (args.out / RECORD).write_text(json.dumps(record, indent=1) + '\n', encoding='utf-8')
    plots = draw(args.out / 'fit.png', objects, report, source.name)
    return [*(config.path for config in configs), args.out / 'fit.md', args.out / RECORD, plots]


if __name__ == '__main__':
    sys.exit(main())

"""Keep measured numbers in metafile.yml and print the tables of the READMEs from there.

    python tools/misc/results.py record WORK_DIR --dataset nuclei     # a finished run, into its config's metafile
    python tools/misc/results.py tables [--check]                     # every marked table under configs/
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from mmseg_plugins.utils.results import fill_tables, read_models, read_summary, record, summary_to_results

PROJECT = Path(__file__).resolve().parents[2]


def update_tables(check: bool) -> list[str]:
    """Make the tables anew; return the READMEs that changed (with ``check``: would change)."""
    changed = []
    for metafile in sorted((PROJECT / 'configs').rglob('metafile.yml')):
        readme = metafile.with_name('README.md')
        before = readme.read_text()
        after = fill_tables(before, read_models(metafile))
        if after != before:
            changed.append(str(readme.relative_to(PROJECT)))
            if not check:
                readme.write_text(after)
    return changed


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    actions = parser.add_subparsers(dest='action', required=True)
    recorder = actions.add_parser('record', help='write the results of a finished run into its metafile')
    recorder.add_argument('work_dir', type=Path)
    recorder.add_argument('--dataset', required=True, help='name of the data, as the tables name it')
    tables = actions.add_parser('tables', help='make the tables of the READMEs anew')
    tables.add_argument('--check', action='store_true', help='write nothing; exit status 1 when a table is out of date')
    args = parser.parse_args(argv)
    if args.action == 'record':
        try:
            summary = read_summary(args.work_dir)
            config = Path(summary['config']).resolve().relative_to(PROJECT)
            metafile = PROJECT / config.parent / 'metafile.yml'
            record(metafile, config.as_posix(), args.dataset, summary_to_results(summary))
        except (OSError, ValueError) as error:
            print(f'error: {error}', file=sys.stderr)
            return 1
        print(f'recorded in {metafile.relative_to(PROJECT)}')
    changed = update_tables(check=args.action == 'tables' and args.check)
    for name in changed:
        print(f'{name}: {"out of date" if getattr(args, "check", False) else "updated"}')
    return 1 if changed and getattr(args, 'check', False) else 0


if __name__ == '__main__':
    sys.exit(main())

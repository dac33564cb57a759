"""All measures of a data set as one table: what the data is, and each part of a system as it is set and as it fits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from mmseg_plugins.planning.centers import (
    NEAR,
    PAPER_DIFFERENT_PAIRS,
    PAPER_FAR_PAIRS,
    RATIO,
    CenterDistances,
    center_distances,
)
from mmseg_plugins.planning.default_systems import DEFAULT_SYSTEMS
from mmseg_plugins.planning.objects import Objects
from mmseg_plugins.planning.planners import PARTS, Part, Row, percent, solo_test_rows


class FitReport(NamedTuple):
    """Everything measured.

    Attributes:
        parts: name -> part; the first, ``data``, holds what no setting changes.
        own: names of the parts that the config itself has; the others show COCO's settings.
        centers: distances between centers, for the pictures.
    """

    parts: dict[str, Part]
    own: frozenset[str]
    centers: CenterDistances


def measure(objects: Objects, model: Mapping[str, Any] | None, tested: Objects | None = None) -> FitReport:
    """Measure the objects against a model config; what it lacks, against COCO's settings.

    ``tested`` are the objects of the validation images, over which SOLO lays the same grids.
    """
    centers = center_distances(objects)
    parts = {'data': Part('data', data_rows(objects, centers), [], {})}
    own = set()
    for name, (make, system) in PARTS.items():
        part = make(model, objects) if model else None
        if part is not None:
            own.add(name)
        else:
            part = make(DEFAULT_SYSTEMS[system].model, objects)
        if part is not None:
            parts[name] = part
    if tested is not None:
        parts['solo'].rows.extend(solo_test_rows(parts['solo'], tested))
    return FitReport(parts, frozenset(own), centers)


def system_parts(objects: Objects, model: Mapping[str, Any]) -> list[Part]:
    """The parts that one system has."""
    made = (make(model, objects) for make, _ in PARTS.values())
    return [part for part in made if part is not None]


def data_rows(objects: Objects, centers: CenterDistances) -> list[Row]:
    """Numbers, sizes and distances."""
    sizes = np.quantile(objects.sizes, (0.05, 0.25, 0.5, 0.75, 0.95))
    sides = np.median(objects.inputs, axis=0)
    return [
        Row('inputs, objects in them', f'{len(objects.inputs):,}, {len(objects):,}'),
        Row('whole images, objects in them', f'{len(objects.whole_counts):,}, {int(objects.whole_counts.sum()):,}'),
        Row('input size, median (px)', f'{sides[1]:.0f} x {sides[0]:.0f}'),
        Row('objects per input: median, 95 %, most', _counts(objects.counts)),
        Row('objects per whole image: median, 95 %, most', _counts(objects.whole_counts)),
        Row('sqrt(box area): 5, 25, 50, 75, 95 % (px)', ' / '.join(f'{size:.0f}' for size in sizes)),
        Row(f'pairs of centers more than {NEAR:.0f} px apart (COCO {percent(PAPER_FAR_PAIRS)})',
            percent(centers.far_pairs)),
        Row(f'of the other pairs, sizes differ > {RATIO} x (COCO {percent(PAPER_DIFFERENT_PAIRS)})',
            percent(centers.different_pairs)),
        Row(f'objects with a center within {NEAR:.0f} px', percent(centers.near_objects)),
        Row(f'of these, size differs > {RATIO} x from the nearest', percent(centers.different_objects)),
    ]


def _counts(counts: np.ndarray) -> str:
    return ' / '.join(f'{value:.0f}' for value in (*np.quantile(counts, (0.5, 0.95)), counts.max()))


def table_rows(report: FitReport) -> list[tuple[str, list[Row]]]:
    """(heading, rows) in order; the heading says where the setting comes from."""
    tables = []
    for name, part in report.parts.items():
        fixed = name in ('data', 'overlap', 'masks')
        origin = '' if fixed else ' (of the config)' if name in report.own else " (COCO's settings)"
        tables.append((part.title + origin, part.rows))
    return tables


def format_text(report: FitReport) -> str:
    """A table for the terminal."""
    tables = table_rows(report)
    rows = [row for _, part in tables for row in part]
    width = [max(len(row[column]) for row in [*rows, Row('', 'now', 'fitted')]) for column in range(2)]
    lines = [f'{"":<{width[0] + 2}}  {"now":<{width[1]}}  fitted']
    for title, part in tables:
        lines += ['', title, *(f'  {r.measure:<{width[0]}}  {r.now:<{width[1]}}  {r.fitted}'.rstrip() for r in part)]
    return '\n'.join(lines)


def format_markdown(report: FitReport) -> str:
    """The same as a Markdown table."""
    lines = ['| measure | now | fitted |', '| --- | --- | --- |']
    for title, part in table_rows(report):
        lines.append(f'| **{title}** | | |')
        lines += [f'| {row.measure} | {row.now} | {row.fitted} |' for row in part]
    return '\n'.join(lines) + '\n'


def as_dict(report: FitReport) -> dict[str, Any]:
    """The table and the fitted values, ready for JSON."""
    return {
        name: {
            'title': part.title,
            'rows': [row._asdict() for row in part.rows],
            'fitted': {entry.name: entry.value for entry in part.entries if entry.name},
        }
        for name, part in report.parts.items()
    }

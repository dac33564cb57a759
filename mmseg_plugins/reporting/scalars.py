"""The scalar table of a run: one CSV that grows while it trains and survives a resume.

Columns: ``iter`` (optimizer iterations done), ``epoch`` (passes over the data,
a fraction), ``phase`` (``train`` or ``val``), then one column a scalar.  A row
is unique in (iter, phase); cells that do not apply are empty.
"""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Mapping
from pathlib import Path

from mmseg_plugins.utils.atomic import atomic_write_bytes
from mmseg_plugins.utils.errors import UserError

KEYS = ('iter', 'epoch', 'phase')
Row = dict[str, float | int | str]


def read_scalars(path: str | os.PathLike[str]) -> list[Row]:
    """Rows of a scalar table; empty cells are left out, ``nan`` stays.

    A last line torn by a killed process is left out.

    Raises:
        ValueError: the file is no scalar table, or a line in its middle is damaged; names the line.
    """
    text = Path(path).read_text(encoding='utf-8')
    lines = list(csv.reader(io.StringIO(text)))
    if not lines or tuple(lines[0][:3]) != KEYS:
        raise UserError(f'{path} is not a scalar table: its first line must begin with {",".join(KEYS)}')
    columns, rows = lines[0], []
    for number, cells in enumerate(lines[1:], start=2):
        last = number == len(lines)
        if last and not text.endswith('\n'):
            break
        try:
            rows.append(_parse(columns, cells))
        except ValueError as error:
            if last:
                break
            raise UserError(f'{path}, line {number} is damaged: {error}.', fix='delete that line.') from error
    return rows


def _parse(columns: list[str], cells: list[str]) -> Row:
    if len(cells) != len(columns):
        raise ValueError(f'{len(cells)} cells for {len(columns)} columns')
    row: Row = {'iter': int(cells[0]), 'epoch': float(cells[1]), 'phase': cells[2]}
    row.update({name: float(cell) for name, cell in zip(columns[3:], cells[3:], strict=True) if cell})
    return row


class ScalarTable:
    """The table of one run, in memory and on disk.

    Args:
        path: The CSV.
        resume_iter: Iterations done when the run (re)starts.  Earlier rows are
            kept, later ones (lost with the process that wrote them) dropped.
            0 starts anew; an older table is moved to ``<stem>_old<k>.csv``.
    """

    def __init__(self, path: str | os.PathLike[str], resume_iter: int = 0) -> None:
        self.path = Path(path)
        self.columns: list[str] = list(KEYS)
        self.rows: list[Row] = []
        if self.path.exists():
            if resume_iter > 0:
                self.rows = [row for row in read_scalars(self.path) if int(row['iter']) <= resume_iter]
            else:
                os.replace(self.path, self._free_name())
        for row in self.rows:
            self._learn(row)
        self._rewrite()

    def add(self, iteration: int, epoch: float, phase: str, values: Mapping[str, float]) -> None:
        """Append one row; a row of the same (iter, phase) is replaced."""
        row: Row = {'iter': iteration, 'epoch': round(epoch, 4), 'phase': phase, **values}
        repeated = any(old['iter'] == iteration and old['phase'] == phase for old in self.rows[-4:])
        if repeated:
            self.rows = [old for old in self.rows if (old['iter'], old['phase']) != (iteration, phase)]
        self.rows.append(row)
        if self._learn(row) or repeated:
            self._rewrite()
            return
        with open(self.path, 'a', encoding='utf-8', newline='') as file:
            file.write(self._line(row))

    def series(self, name: str, phase: str | None = None) -> tuple[list[float], list[float]]:
        """Iterations and values of one column, optionally of one phase."""
        rows = [row for row in self.rows if name in row and phase in (None, row['phase'])]
        return [float(row['iter']) for row in rows], [float(row[name]) for row in rows]

    def names(self, phase: str) -> list[str]:
        """Scalar columns that have a value in some row of a phase."""
        used = {name for row in self.rows if row['phase'] == phase for name in row}
        return [name for name in self.columns if name in used and name not in KEYS]

    def _learn(self, row: Row) -> bool:
        new = [name for name in row if name not in self.columns]
        self.columns += new
        return bool(new)

    def _line(self, row: Row) -> str:
        buffer = io.StringIO()
        csv.writer(buffer, lineterminator='\n').writerow([_cell(row.get(name)) for name in self.columns])
        return buffer.getvalue()

    def _rewrite(self) -> None:
        header = io.StringIO()
        csv.writer(header, lineterminator='\n').writerow(self.columns)
        text = header.getvalue() + ''.join(map(self._line, self.rows))
        atomic_write_bytes(str(self.path), text.encode(), durable=False)

    def _free_name(self) -> Path:
        number = 1
        while (name := self.path.with_name(f'{self.path.stem}_old{number}{self.path.suffix}')).exists():
            number += 1
        return name


def best_value(name: str, values: list[float]) -> int | None:
    """Index of the best of N values, NaN and -1 (COCO's 'nothing to measure') aside; losses and errors: the least."""
    usable = [index for index, value in enumerate(values) if math.isfinite(value) and value != -1]
    if not usable:
        return None
    least = any(word in name.lower() for word in ('loss', 'error'))
    return (min if least else max)(usable, key=lambda index: values[index])


def _cell(value: float | int | str | None) -> str:
    if value is None:
        return ''
    return f'{value:.7g}' if isinstance(value, float) else str(value)

"""Progress of a long loop: a bar with ETA on a terminal, plain lines elsewhere.

    for item in track(items, description='Converting'):
        ...

On a terminal this is rich's bar.  Where the output is a file or a pipe, one
plain line is written every ``interval`` seconds, so that a log never holds
control characters, and a loop that is over sooner writes nothing at all.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Sized
from typing import IO, TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from rich.progress import Progress

T = TypeVar('T')


def is_terminal(stream: IO[str] | None) -> bool:
    """Whether a stream is an open terminal that can move its cursor."""
    if stream is None or getattr(stream, 'closed', False):
        return False
    from rich.console import Console

    console = Console(file=stream)
    return console.is_terminal and not console.is_dumb_terminal


def format_seconds(seconds: float) -> str:
    """``3725`` -> ``'1:02:05'``; always hours, minutes and seconds."""
    whole = max(0, round(seconds))
    return f'{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}'


def build_bar(stream: IO[str]) -> Progress:
    """A rich progress bar: description, bar, done of total, elapsed, ETA and a free ``note`` field per task."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    return Progress(
        TextColumn('{task.description}'),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn('ETA'),
        TimeRemainingColumn(),
        TextColumn('{task.fields[note]}'),
        console=Console(file=stream),
    )


def track(
    iterable: Iterable[T],
    total: int | None = None,
    description: str = 'Working',
    *,
    stream: IO[str] | None = None,
    interval: float = 10.0,
) -> Iterator[T]:
    """Yield the items of ``iterable`` unchanged while showing how far it is.

    Args:
        iterable: What to loop over.
        total: Number of items; taken from ``len(iterable)`` where it has one.
        description: What is being done, e.g. ``'Converting'``.
        stream: Where to show it, default ``sys.stderr`` (standard output stays free for results).
        interval: Seconds between two plain lines when the stream is no terminal.
    """
    stream = sys.stderr if stream is None else stream
    if total is None and isinstance(iterable, Sized):
        total = len(iterable)
    if is_terminal(stream):
        with build_bar(stream) as bar:
            task = bar.add_task(description, total=total, note='')
            for item in iterable:
                yield item
                bar.advance(task)
        return
    yield from _track_plain(iterable, total, description, stream, interval)


def _track_plain(
    iterable: Iterable[T], total: int | None, description: str, stream: IO[str], interval: float
) -> Iterator[T]:
    """Yield items; write ``description: 120/400 (30 %), 0:00:12, ETA 0:00:28`` every ``interval`` seconds."""
    start = last = time.monotonic()
    done = 0
    for item in iterable:
        yield item
        done += 1
        now = time.monotonic()
        if now - last < interval and not (done == total and last > start):
            continue
        last = now
        elapsed = now - start
        line = f'{description}: {done}'
        if total:
            eta = elapsed / done * (total - done)
            line += f'/{total} ({100 * done // total} %), {format_seconds(elapsed)}, ETA {format_seconds(eta)}'
        else:
            line += f', {format_seconds(elapsed)}'
        stream.write(line + '\n')
        stream.flush()

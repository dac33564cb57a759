"""Memory: the peak of another process and its children, and building large objects without garbage collection."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def without_collection() -> Iterator[None]:
    """No garbage collection meanwhile: it would walk millions of new, living objects again and again."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


class PeakMemory(threading.Thread):
    """Largest memory of a process and all its children, in GB, sampled twice a second.

    Linux only: proportional set size, in which pages shared by N processes
    count once.  Elsewhere the value stays 0.
    """

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid, self.gigabytes = pid, 0.0
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.wait(0.5):
            self.gigabytes = max(self.gigabytes, self._tree(self.pid) / 2**20)

    def stop(self) -> float:
        self._ended.set()
        self.join()
        return self.gigabytes

    def _tree(self, pid: int) -> int:
        """Kilobytes of the process and its descendants; those that just ended count nothing."""
        folder = Path('/proc') / str(pid)
        try:
            lines = (folder / 'smaps_rollup').read_text().splitlines()
            tasks = list((folder / 'task').iterdir())
            children = [child for task in tasks for child in (task / 'children').read_text().split()]
        except OSError:
            return 0
        own = sum(int(line.split()[1]) for line in lines if line.startswith('Pss:'))
        return own + sum(self._tree(int(child)) for child in children)

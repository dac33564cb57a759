"""States of the random generators: taken, put back, and set aside for a while.

States are stored as tensors and plain numbers, which a checkpoint may contain
(``safe_load.py``).
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch


def rng_state() -> dict[str, Any]:
    """States of Python's, numpy's, torch's CPU generator and the current CUDA device's.

    Returns:
        ``python``: (3, 625 numbers as int64 tensor, None or float), ``numpy``:
        (624 numbers as int64 tensor, position, has_gauss, gauss), ``torch`` and,
        with CUDA in use, ``cuda``: uint8 tensors.
    """
    version, numbers, gauss = random.getstate()
    legacy = np.random.get_state(legacy=False)
    assert isinstance(legacy, dict)  # the tuple form is asked for with legacy=True only
    state: dict[str, Any] = {
        'python': [version, torch.tensor(numbers, dtype=torch.int64), gauss],
        'numpy': [
            torch.from_numpy(legacy['state']['key'].astype(np.int64)),
            int(legacy['state']['pos']),
            int(legacy['has_gauss']),
            float(legacy['gauss']),
        ],
        'torch': torch.get_rng_state(),
    }
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        state['cuda'] = torch.cuda.get_rng_state()
    return state


def set_rng_state(state: dict[str, Any]) -> None:
    """Put back what :func:`rng_state` took; a CUDA state is ignored without CUDA."""
    version, numbers, gauss = state['python']
    random.setstate((version, tuple(numbers.tolist()), gauss))
    key, position, has_gauss, cached = state['numpy']
    np.random.set_state(('MT19937', key.cpu().numpy().astype(np.uint32), position, has_gauss, cached))
    torch.set_rng_state(state['torch'].cpu())
    if 'cuda' in state and torch.cuda.is_available():
        torch.cuda.set_rng_state(state['cuda'].cpu())


@contextmanager
def preserved_rng() -> Iterator[dict[str, Any]]:
    """Whatever runs inside leaves the random generators as they were; yields their state."""
    state = rng_state()
    try:
        yield state
    finally:
        set_rng_state(state)


def seed_cpu(*entropy: int) -> None:
    """Seed Python's, numpy's and torch's CPU generator from a tuple of numbers >= 0.

    torch's own ``manual_seed`` would also reseed CUDA, whose stream belongs to the model.
    """
    words = np.random.SeedSequence(entropy).generate_state(4, np.uint32)
    random.seed(int(words[0]))
    np.random.seed(int(words[1]))
    torch.default_generator.manual_seed((int(words[2]) << 32) | int(words[3]))


@contextmanager
def seeded(*entropy: int) -> Iterator[None]:
    """Run with CPU generators seeded from ``entropy``; afterwards they are as before.

    About 0.1 ms on one core.  Inside a data loader's worker nothing else draws
    random numbers, so there the states are not put back.
    """
    if torch.utils.data.get_worker_info() is not None:
        seed_cpu(*entropy)
        yield
        return
    python, legacy, torch_state = random.getstate(), np.random.get_state(), torch.get_rng_state()
    try:
        seed_cpu(*entropy)
        yield
    finally:
        random.setstate(python)
        np.random.set_state(legacy)
        torch.set_rng_state(torch_state)

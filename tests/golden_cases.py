"""Reference numbers of the original implementations: ``tests/golden/<case>.{json,npz}``.

The json names the original's parameters; their values follow from a formula, so that no weights are stored.  Weights
are made under the ORIGINAL names and in the original layout, and go through the project's converter.  ``GOLDEN_DIR``
names another folder; a case that is not there is a failure.
"""

from __future__ import annotations

import json
import os
import re
import zlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

GOLDEN_DIR = Path(os.environ.get('GOLDEN_DIR', Path(__file__).parent / 'golden'))


def golden_tensor(name: str, shape: tuple[int, ...], seed: int, gain: float) -> Tensor:
    """The weight called ``name``: normal numbers seeded by its name, scaled by what the name says it is."""
    rng = np.random.RandomState((zlib.crc32(name.encode()) + seed) % 2**32)
    x = np.asarray(rng.standard_normal(tuple(shape)), np.float64)
    last = re.split(r'[./]', name)[-1]
    if last.endswith(('running_var', 'avg_var', 'moving_var')):
        x = 1 + 0.2 * np.abs(x)
    elif last.endswith(('running_mean', 'avg_mean', 'moving_mean')):
        x = 0.1 * x
    elif last.endswith('num_batches_tracked'):
        x = np.zeros(shape)
    elif len(shape) == 1 and last in ('weight', 'gamma'):
        x = 1 + 0.1 * x
    elif len(shape) <= 1:
        x = 0.1 * x
    else:
        x = x * np.sqrt(gain / np.prod(shape[1:]))
    return torch.from_numpy(x.astype(np.float32))


def golden_state_dict(params: dict[str, list[int]], seed: int, gain: float) -> dict[str, Tensor]:
    """All weights of a case, or of any list of names and shapes."""
    return {name: golden_tensor(name, tuple(shape), seed, gain) for name, shape in params.items()}


class GoldenCase:
    """One case: ``facts`` (the json), ``arrays`` (the npz as tensors), ``weights`` under the original's names."""

    def __init__(self, name: str) -> None:
        for suffix in ('json', 'npz'):
            path = GOLDEN_DIR / f'{name}.{suffix}'
            assert path.is_file(), f'golden file {path} is missing; GOLDEN_DIR names the folder that must hold it'
        self.facts = json.loads((GOLDEN_DIR / f'{name}.json').read_text())
        with np.load(GOLDEN_DIR / f'{name}.npz', allow_pickle=False) as arrays:
            self.arrays = {key: torch.from_numpy(arrays[key]) for key in arrays.files}
        self.tolerance = self.facts['tolerance']['suggested_rel']
        self.weights = golden_state_dict(self.facts['params'], self.facts['seed'], self.facts['gain'])

    def check(self, outputs: dict[str, Tensor]) -> None:
        """Compare every output array of the case with ``outputs``; one that is absent there is a failure."""
        wanted = [key for key, facts in self.facts['arrays'].items() if facts['role'] == 'output']
        assert sorted(wanted) == sorted(outputs)
        errors = {key: rel_error(outputs[key], self.arrays[key]) for key in wanted}
        print(self.facts['case'], {key: f'{error:.1e}' for key, error in errors.items()})
        assert all(error <= self.tolerance for error in errors.values()), (errors, self.tolerance)


def rel_error(ours: Tensor, theirs: Tensor) -> float:
    """||ours - theirs|| / ||theirs||; the shapes must agree."""
    assert ours.shape == theirs.shape, (ours.shape, theirs.shape)
    return ((ours.double() - theirs.double()).norm() / theirs.double().norm()).item()


def stats(x: Tensor) -> Tensor:
    """Sum, sum of absolute values and L2 norm, as stored for arrays too large to keep."""
    x = x.detach().double()
    return torch.stack([x.sum(), x.abs().sum(), x.norm()])


def part(state_dict: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The entries below ``prefix``, which is cut off."""
    return {key[len(prefix):]: value for key, value in state_dict.items() if key.startswith(prefix)}

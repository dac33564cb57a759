"""Reference numbers of the original implementations: ``tests/golden/<case>.{json,npz}``.

The json names the original's parameters; their values follow from a formula, so that no weights are stored.  Weights
are made under the ORIGINAL names and in the original layout, and go through the project's converter.  ``GOLDEN_DIR``
names another folder, whose cases may have other sizes: tests read class numbers, channels, strides and counts from the
case.  A case that is not there is a failure.  Tests that read cases are marked: ``pytest -m golden`` runs them.
"""

from __future__ import annotations

import json
import os
import re
import zlib
from collections.abc import Collection
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

#: Whether the running test may read cases; set before each one by conftest.py.
readable = True
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


def bilinear_diagonal(shape: tuple[int, ...]) -> Tensor:
    """(in, out, k, k): the bilinear upsampling kernel where in == out, 0 elsewhere."""
    size = shape[-1]
    factor = (size + 1) // 2
    center = factor - 1 if size % 2 else factor - 0.5
    ramp = 1 - np.abs(np.arange(size) - center) / factor
    kernel = np.eye(shape[0], shape[1])[:, :, None, None] * ramp[:, None] * ramp
    return torch.from_numpy(kernel.astype(np.float32))


def overridden(tensor: Tensor, rule: dict) -> Tensor:
    """``tensor`` after one entry of ``param_overrides``: scaled, or replaced by values or by the bilinear kernel."""
    (kind, value), = rule.items()
    if kind == 'scale':
        return tensor * value
    if kind == 'values':
        return torch.tensor(value, dtype=torch.float32).reshape(tensor.shape)
    assert (kind, value) == ('fill', 'bilinear_diagonal'), f'unknown rule {rule} in param_overrides'
    return bilinear_diagonal(tuple(tensor.shape))


#: Depth of the ResNet with these blocks a stage.
RESNET_DEPTHS = {(2, 2, 2, 2): 18, (3, 4, 6, 3): 50, (3, 4, 23, 3): 101, (3, 8, 36, 3): 152}


def golden_state_dict(params: dict[str, list[int]], seed: int, gain: float,
                      overrides: dict[str, dict] | None = None) -> dict[str, Tensor]:
    """All weights of a case, or of any list of names and shapes."""
    weights = {name: golden_tensor(name, tuple(shape), seed, gain) for name, shape in params.items()}
    for name, rule in (overrides or {}).items():
        weights[name] = overridden(weights[name], rule)
    return weights


class GoldenCase:
    """One case: ``facts`` (the json), ``arrays`` (the npz as tensors), ``weights`` under the original's names."""

    def __init__(self, name: str) -> None:
        assert readable, f'this test reads the golden case {name}: mark it with @pytest.mark.golden'
        for suffix in ('json', 'npz'):
            path = GOLDEN_DIR / f'{name}.{suffix}'
            assert path.is_file(), f'golden file {path} is missing; GOLDEN_DIR names the folder that must hold it'
        self.facts = json.loads((GOLDEN_DIR / f'{name}.json').read_text())
        with np.load(GOLDEN_DIR / f'{name}.npz', allow_pickle=False) as arrays:
            self.arrays = {key: torch.from_numpy(arrays[key]) for key in arrays.files}
        self.tolerance = self.facts['tolerance'].get('suggested_rel')

    @cached_property
    def weights(self) -> dict[str, Tensor]:
        """The case's own weights, made at the first use."""
        return self.weights_of()

    def weights_of(self, variant: str | None = None, formula_only: Collection[str] = ()) -> dict[str, Tensor]:
        """Weights of a variant (``params_by_variant``); those of ``formula_only`` without their override."""
        suffix = '' if variant is None else '_by_variant'
        params, overrides = (self.facts.get(key + suffix, {}) for key in ('params', 'param_overrides'))
        if variant is not None:
            params, overrides = params[variant], overrides.get(variant, {})
        if self.facts['gain'] is None:  # the values themselves are stored
            return {name: self.arrays[name] for name in params}
        overrides = {name: rule for name, rule in overrides.items() if name not in formula_only}
        return golden_state_dict(params, self.facts['seed'], self.facts['gain'], overrides)

    def shape_of(self, key: str) -> tuple[int, ...]:
        """Shape of an array, of the whole one where only a slice of it is stored."""
        facts = self.facts['arrays'].get(f'{key}__slice')
        if facts is None:
            return tuple(self.facts['arrays'][key]['shape'])
        if 'full_shape' in facts:
            return tuple(facts['full_shape'])
        said = re.search(r'of the full array of shape \[([\d, ]+)\]', facts['desc'])
        assert said, f'{key}__slice of {self.facts["case"]} does not say the shape of the full array'
        return tuple(int(side) for side in said[1].split(','))

    def width(self, name: str) -> int:
        """Output channels of a layer of the original: the first side of its weight."""
        return self.facts['params'][f'{name}.weight'][0]

    def tolerance_of(self, key: str) -> float:
        """Relative tolerance of one array: its own (or its slice's), else the loosest of the case."""
        per_array = self.facts['tolerance'].get('suggested_rel_per_array', {})
        stem = key.removesuffix('__slice').removesuffix('__stats')
        return next((per_array[name] for name in (key, stem, f'{stem}__slice') if name in per_array), self.tolerance)

    def stored(self, outputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """``outputs`` as the case stores them: a whole array becomes its ``__slice`` and its ``__stats``."""
        result = {}
        for key, value in outputs.items():
            facts = self.facts['arrays'].get(f'{key}__slice')
            if facts is None or key in self.facts['arrays']:
                result[key] = value
                continue
            assert tuple(value.shape) == self.shape_of(key), (key, tuple(value.shape), self.shape_of(key))
            steps = re.findall(r'\.\.\.|::\d+', facts.get('stored_slice', facts.get('desc', '')))
            index = tuple(... if step == '...' else slice(None, None, int(step[2:])) for step in steps)
            result[f'{key}__slice'], result[f'{key}__stats'] = value[index], stats(value)
        return result

    def check(self, outputs: dict[str, Tensor], *, partly: bool = False) -> None:
        """Compare every output array of the case with ``outputs``; one that is absent there is a failure.

        Arrays that the case keeps as ``name__slice`` and ``name__stats`` may be given whole, as ``name``.  ``partly``
        compares only what is given, for cases whose arrays are made in several tests.
        """
        outputs = self.stored(outputs)
        wanted = [key for key, facts in self.facts['arrays'].items() if facts['role'] == 'output']
        assert set(outputs) <= set(wanted), sorted(set(outputs) - set(wanted))
        assert partly or set(outputs) == set(wanted), sorted(set(wanted) - set(outputs))
        errors = {key: rel_error(value, self.arrays[key]) for key, value in outputs.items()}
        print(self.facts['case'], {key: f'{error:.1e}' for key, error in errors.items()})
        wrong = {key: (error, self.tolerance_of(key)) for key, error in errors.items()
                 if not error <= self.tolerance_of(key)}
        assert not wrong, f'(relative error, tolerance) of {wrong}'


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

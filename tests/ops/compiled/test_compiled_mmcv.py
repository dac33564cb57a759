"""Compiled mmcv against the operators that stand in for it: values and gradients, row by row."""

from __future__ import annotations

import mmcv._ext as compiled
import pytest
import torch
from mmcv_operator_cases import CASES, CPU, CUDA, Case, results

from mmseg_plugins.ops import mmcv_ext
from mmseg_plugins.ops.backends import serving

DEVICES = [CPU, CUDA] if torch.cuda.is_available() else [CPU]
ROWS = [(device, case) for device in DEVICES for case in CASES if device in case.devices]


@pytest.mark.parametrize(('device', 'case'), ROWS, ids=[f'{case.name}, {device}' for device, case in ROWS])
def test_ours_are_the_compiled_results(device: str, case: Case) -> None:
    with serving(compiled):
        wanted = results(case, device)
    with serving(mmcv_ext):
        found = results(case, device)
    assert len(found) == len(wanted)
    for ours, theirs in zip(found, wanted, strict=True):
        assert ours.dtype == theirs.dtype
        largest = theirs.double().nan_to_num(0, 0, 0).abs().max().item() if theirs.numel() else 0
        torch.testing.assert_close(ours, theirs, rtol=0, atol=case.tolerance * largest, equal_nan=True)

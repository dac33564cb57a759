"""Operators of mmcv.ops on maps in channels_last: the numbers are those of maps in the usual format."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from mmcv_operator_cases import CASES, CPU, Case, results

import mmseg_plugins
from mmseg_plugins.ops import mmcv_ext
from mmseg_plugins.ops.backends import serving

WITH_MAPS = [case for case in CASES if any(x.dim() == 4 for x in case.inputs())]
ROWS = [case for case in WITH_MAPS if CPU in case.devices]
#: mmcv has no kernel for a CPU and refuses their gradients there; ours give the values.  Its masked convolution takes a
#: view of the weight, whose format torch then refuses.
VALUES_ALONE = [replace(case, leaves=()) for case in WITH_MAPS
                if CPU not in case.devices and not case.name.startswith('masked_conv')]


@pytest.mark.parametrize('case', ROWS, ids=[case.name for case in ROWS])
def test_the_memory_format_of_maps_changes_no_number(case: Case) -> None:
    """Compiled mmcv reads channels_last wrongly, without a word, unless setup() puts its tensors in order."""
    mmseg_plugins.setup()
    _compare(case)


@pytest.mark.parametrize('case', VALUES_ALONE, ids=[case.name for case in VALUES_ALONE])
def test_the_memory_format_changes_no_value_of_ours(case: Case) -> None:
    with serving(mmcv_ext):
        _compare(case)


def _compare(case: Case) -> None:
    for found, wanted in zip(results(case, CPU, torch.channels_last), results(case, CPU), strict=True):
        scale = wanted.double().nan_to_num(0, 0, 0).abs().max().item() if wanted.numel() else 0
        torch.testing.assert_close(found, wanted, rtol=0, atol=max(case.tolerance, 1e-5) * scale, equal_nan=True)


def test_there_are_rows_for_what_stock_heads_pool_and_deform_with() -> None:
    names = ' '.join(case.name for case in ROWS)
    assert 'roi_align' in names
    assert 'modulated_deform_conv' in names

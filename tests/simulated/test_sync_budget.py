"""No system makes the host wait more often than ``tests/sync_budget.json`` allows."""

from __future__ import annotations

import json

import pytest
from simulated_device import SimulatedDevice
from sync_counts import BUDGET, TABLE, count, systems, with_table

BUDGETS = json.loads(BUDGET.read_text())


def over(found: dict[str, int], allowed: dict[str, int]) -> dict[str, str]:
    """Packages that wait more often than they may."""
    return {owner: f'{times} of {allowed.get(owner, 0)}' for owner, times in found.items()
            if times > allowed.get(owner, 0)}  # fmt: skip


@pytest.mark.parametrize('system', systems())
def test_no_system_waits_more_often(system: str) -> None:
    for phase, found in count(system).items():
        grown = over(found, BUDGETS[system][phase])
        assert not grown, f'{system}, {phase}: {grown}. Fix: find the place with SimulatedDevice.syncs'


def test_the_budget_names_all_systems() -> None:
    assert list(BUDGETS) == systems()


def test_growth_is_found() -> None:
    assert over({'mmseg_plugins': 3, 'mmdet': 2}, {'mmseg_plugins': 2, 'mmdet': 2}) == {'mmseg_plugins': '3 of 2'}
    assert over({'mmcv': 1}, {}) == {'mmcv': '1 of 0'}
    assert not over({'mmseg_plugins': 2}, {'mmseg_plugins': 2})


def test_the_table_of_the_docs_is_the_budget() -> None:
    text = TABLE.read_text()
    assert with_table(text, BUDGETS) == text


def test_the_count_is_reproducible() -> None:
    assert count('PSENet') == count('PSENet')
    with SimulatedDevice() as device:
        assert device.per_owner() == {}

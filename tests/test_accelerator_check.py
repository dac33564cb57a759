"""The check of an accelerator keeps what it measured: parts that fail, time that runs out, tests that fail."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mmseg_plugins.benchmark import accelerator


def use_parts(monkeypatch: pytest.MonkeyPatch, parts: dict[str, Any]) -> None:
    """Let the check measure ``parts``: name -> result, or an error to raise."""

    def made(device: str, quick: bool) -> Iterator[accelerator.Part]:
        for name, result in parts.items():
            def measure(limit: float, result: Any = result) -> Any:
                if isinstance(result, Exception):
                    raise result
                return result

            yield name, measure

    monkeypatch.setattr(accelerator, 'parts', made)


def run(tmp_path: Path, *options: str) -> tuple[int, dict[str, Any]]:
    out = tmp_path / 'out.json'
    code = accelerator.main(['--device', 'cpu', '--out', str(out), *options])
    return code, json.loads(out.read_text())


def test_a_part_that_fails_costs_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_parts(monkeypatch, {'tests': dict(exit_code=0), 'bad': RuntimeError('out of memory'), 'good': dict(s=1.0)})
    code, found = run(tmp_path)
    assert code == 1
    assert found['parts']['bad'] == {'error': 'RuntimeError: out of memory'}
    assert found['parts']['good'] == {'s': 1.0}
    assert found['machine']['device'] == 'cpu'


def test_what_there_is_no_time_for_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_parts(monkeypatch, {'tests': dict(exit_code=0)})
    code, found = run(tmp_path, '--minutes', '0.01')
    assert (code, found['left_out'], found['parts']) == (1, ['tests'], {})


@pytest.mark.parametrize(('exit_code', 'wanted'), [(0, 0), (1, 1), (None, 1)])
def test_the_command_succeeds_with_its_tests(exit_code: int | None, wanted: int, tmp_path: Path,
                                             monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    use_parts(monkeypatch, {'tests': dict(exit_code=exit_code)})
    assert run(tmp_path)[0] == wanted


def test_the_systems_are_there_and_need_no_weights() -> None:
    paths = accelerator.some_systems()
    assert len(paths) >= 8
    assert len({path.parent.name for path in paths}) == len(paths)

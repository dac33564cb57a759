"""What an accelerator does with this package, in a few minutes: tests, speed, memory; one JSON file.

``tools/accelerator_check.sh`` runs it.  The file is written after each part, so that what was measured stays when time
runs out.
"""

from __future__ import annotations

import argparse
import json
import logging
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import torch

from mmseg_plugins.benchmark.crf import measure_crf, synthetic_picture
from mmseg_plugins.benchmark.models import Settings, measure_config
from mmseg_plugins.benchmark.operators import Case, make_cases, measure_case
from mmseg_plugins.config.load import load_config
from mmseg_plugins.config.scope import enter_scope_of
from mmseg_plugins.models.crf import PRESETS

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = ROOT / 'configs'
# One recipe of each family, whose weights start at random without a file.
SYSTEMS = ('quickstart/panet_r18-path_1500it_shapes.py', )
FAMILIES = ('fcis', 'instancefcn', 'masklab', 'solo', 'solov2', 'psenet', 'embedding', 'fcn', 'deeplab', 'refinenet')

COMPILE = 'compile'

Part = tuple[str, Callable[[float], Any]]  # name, and what measures it within so many seconds


def parts(device: str, quick: bool) -> Iterator[Part]:
    """All parts, the most telling first."""
    yield 'tests', lambda limit: run_tests(device, limit)
    systems = some_systems()[:1] if quick else some_systems()
    size = (128, 128, 2) if quick else (512, 512, 2)
    number = 1 if quick else 5
    for path in systems:
        yield f'systems/{path.stem}', partial(_measure_system, path, Settings(number, number, 1, size, device))
    for case in make_cases()[:2 if quick else None]:
        yield f'operators/{case.name}', partial(_measure_operator, case, 16 if quick else 256, number, device)
    picture = synthetic_picture(60, 80) if quick else synthetic_picture(375, 500)
    yield 'crf', lambda limit: measure_crf(picture, 4 if quick else 21, PRESETS['deeplabv2-r101'], number, device)
    yield COMPILE, lambda limit: in_own_process(device, quick, limit)


def _measure_system(path: Path, settings: Settings, limit: float) -> dict[str, Any]:
    return measure_config(load_config(path, {}), settings)


def _measure_operator(case: Case, count: int, rounds: int, device: str, limit: float) -> dict[str, Any]:
    return measure_case(case, count, rounds, device, loop=False)


def some_systems() -> list[Path]:
    """One config that trains without files for each family that has one."""
    found = [CONFIGS / name for name in SYSTEMS]
    for family in FAMILIES:
        names = sorted((CONFIGS / family).glob('*_nuclei.py')) or sorted((CONFIGS / family).glob('*_camvid.py'))
        found += names[:1]
    return [path for path in found if path.is_file()]


def run_tests(device: str, limit: float) -> dict[str, Any]:
    """Outcome of the tests for the device, within ``limit`` seconds; the last lines of what pytest wrote."""
    asked = ['tests/cuda'] if device.startswith('cuda') else ['tests/test_device_checks.py']
    command = [sys.executable, '-m', 'pytest', '-q', '-p', 'no:cacheprovider', *asked]
    start = time.perf_counter()
    try:
        done = subprocess.run(command, cwd=ROOT, text=True, check=False, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=limit)  # fmt: skip
    except subprocess.TimeoutExpired as error:
        written = error.stdout or b''
        text = written.decode(errors='replace') if isinstance(written, bytes) else written
        return dict(command=' '.join(asked), exit_code=None, seconds=limit, tail=text.splitlines()[-20:])
    seconds = round(time.perf_counter() - start, 1)
    tail = done.stdout.splitlines()[-20:]
    return dict(command=' '.join(asked), exit_code=done.returncode, seconds=seconds, tail=tail)


def in_own_process(device: str, quick: bool, limit: float) -> dict[str, Any]:
    """:func:`measure_compile` in a process that ends after ``limit`` seconds: a compiler cannot be interrupted.

    Raises:
        RuntimeError: time was up, or the process failed.
    """
    command = [sys.executable, '-W', 'ignore', '-m', 'mmseg_plugins.benchmark.accelerator', device,
               '--only-compile', *(['--quick'] if quick else [])]  # fmt: skip
    try:
        done = subprocess.run(command, cwd=ROOT, text=True, check=False, capture_output=True, timeout=limit)
    except subprocess.TimeoutExpired as error:
        raise RuntimeError(f'not done after {limit:.0f} s') from error
    if done.returncode:
        raise RuntimeError(done.stderr[-1500:])
    return json.loads(done.stdout.splitlines()[-1])


def measure_compile(device: str, quick: bool) -> dict[str, Any]:
    """Forward pass of backbone and neck of the first system, as it is and under ``torch.compile``."""
    from mmengine.registry import MODELS

    cfg = load_config(some_systems()[0], {})
    enter_scope_of(cfg)
    model = MODELS.build(cfg.model).to(device).eval()
    images = torch.randn(2, 3, *((64, 64) if quick else (512, 512)), device=device)
    result: dict[str, Any] = {}
    with torch.no_grad():
        result['eager_s'] = _median_seconds(lambda: model.extract_feat(images), device)
        start = time.perf_counter()
        compiled = torch.compile(model.extract_feat)
        compiled(images)
        result['compile_s'] = round(time.perf_counter() - start, 2)
        result['compiled_s'] = _median_seconds(lambda: compiled(images), device)
    result['gain'] = round(result['eager_s'] / result['compiled_s'], 3)
    return result


def _median_seconds(call: Callable[[], Any], device: str, rounds: int = 5) -> float:
    times = []
    for number in range(rounds + 2):  # the first two warm up
        start = time.perf_counter()
        call()
        if device.startswith('cuda'):
            torch.cuda.synchronize(device)
        times += [time.perf_counter() - start] * (number > 1)
    return statistics.median(times)


def machine(device: str) -> dict[str, Any]:
    """What was measured on."""
    facts: dict[str, Any] = dict(python=platform.python_version(), torch=torch.__version__, device=device)
    if device.startswith('cuda'):
        facts.update(gpu=torch.cuda.get_device_name(device), cuda=torch.version.cuda,
                     memory_gb=round(torch.cuda.get_device_properties(device).total_memory / 2**30, 1))  # fmt: skip
    return facts


def check(device: str, quick: bool, minutes: float, out: Path) -> dict[str, Any]:
    """Run the parts until time is up, and write ``out`` after each.

    Returns:
        ``machine``, ``parts`` (name -> result, or ``error``), ``left_out`` (names for which there was no time) and
        ``seconds`` in all.
    """
    begin = time.perf_counter()
    result: dict[str, Any] = dict(machine=machine(device), parts={}, left_out=[])
    for name, measure in parts(device, quick):
        left = minutes * 60 - (time.perf_counter() - begin)
        if left < 5:
            result['left_out'].append(name)
        else:
            print(f'{name} ({left:.0f} s left)', flush=True)
            try:
                result['parts'][name] = measure(left * 0.5)
            except Exception as error:  # one part that fails must not cost the others
                result['parts'][name] = dict(error=f'{type(error).__name__}: {error}'[:2000])
        result['seconds'] = round(time.perf_counter() - begin, 1)
        out.write_text(json.dumps(result, indent=1, default=str) + '\n')
    return result


@contextmanager
def _warnings_alone() -> Iterator[None]:
    """Runners log a line for each parameter; within this only warnings are logged."""
    before = logging.root.manager.disable
    logging.disable(logging.INFO)
    try:
        yield
    finally:
        logging.disable(before)


def main(argv: Sequence[str] | None = None) -> int:
    """The command: 0 if every part was measured and all tests passed, 1 otherwise."""
    parser = argparse.ArgumentParser(description='Tests, speed and memory of this package on an accelerator.')
    parser.add_argument('--device', default='cuda', help='what torch calls it; cpu tries the check itself')
    parser.add_argument('--quick', action='store_true', help='small sizes, one of each kind')
    parser.add_argument('--minutes', type=float, default=8.0, help='time in all (8)')
    parser.add_argument('--out', type=Path, default=Path('accelerator.json'), help='the file to write')
    parser.add_argument('--only-compile', action='store_true', help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    with _warnings_alone():
        if args.only_compile:
            print(json.dumps(measure_compile(args.device, args.quick)))
            return 0
        result = check(args.device, args.quick, args.minutes, args.out)
    failed = [name for name, one in result['parts'].items() if 'error' in one]
    tests = result['parts'].get('tests', {}).get('exit_code')
    print(f'{args.out}: {len(result["parts"])} parts in {result["seconds"]} s, failed {failed}, left out '
          f'{result["left_out"]}, exit code of the tests {tests}')
    return int(bool(failed or result['left_out'] or tests != 0))


if __name__ == '__main__':
    sys.exit(main())

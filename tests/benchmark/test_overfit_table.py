"""The overfit table: which configs are in it, what a run appends and skips, and that the page shows the file's rows."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from toy_runs import segmentor_config, write_toy_label_maps

from mmseg_plugins.benchmark import overfit, overfit_table
from mmseg_plugins.benchmark.overfit import Settings
from mmseg_plugins.benchmark.overfit_table import (
    fits,
    format_machine,
    format_rows,
    in_order,
    read_rows,
    small_systems,
    write_page,
)
from mmseg_plugins.cli.main import main
from mmseg_plugins.config import paths
from mmseg_plugins.utils.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
BEGIN, END = '<!-- overfit -->\n', '<!-- end of overfit -->'
ROWS, PAGE = ROOT / 'docs' / 'overfit.jsonl', ROOT / 'docs' / 'overfit.md'
COMMAND = 'mmseg-plugins benchmark overfit all --threads 1 --out-file docs/overfit.jsonl --page docs/overfit.md'


def row(name: str = 'toy', **changes: Any) -> dict[str, Any]:
    return dict(name=name, settings=Settings()._asdict(), machine=dict(cpu='C', threads=1, torch='2'),
                scores={'mIoU': 81.0, 'aAcc': 96.0}, precise={}, first_loss=2.0, loss=1.0, seconds=3.0) | changes


def test_the_page_shows_the_rows_of_its_file() -> None:
    text = PAGE.read_text(encoding='utf-8')
    rows = in_order(read_rows(ROWS))
    assert text[text.index(BEGIN):text.index(END)] == f'{BEGIN}{format_rows(rows)}\n\n{format_machine(rows)}\n'
    assert COMMAND in text


def test_every_system_of_the_configs_has_a_row() -> None:
    """A system is a collection of a metafile; one whose only small recipes train what another row trains needs none."""
    systems: dict[str, str] = {}
    for metafile in (ROOT / 'configs').glob('*/metafile.yml'):
        text = metafile.read_text(encoding='utf-8')
        found = re.findall(r'^  - Name: (.+)\n    In Collection: (.+)$', text, re.MULTILINE)
        systems |= dict(found)
    needed = {systems.get(name, name) for name in small_systems()}
    measured = {systems.get(name, name) for name in read_rows(ROWS)}
    assert len(needed) > 30
    assert not needed - measured, f'no row for {sorted(needed - measured)}: {COMMAND}'


def test_one_config_stands_for_a_system() -> None:
    paths = ['solo/solo_r18_1000it-crop256_nuclei', 'solo/solo_r18_1500it_shapes', 'solo/solo_r50_1x_coco',
             'gcn/gcn_r18_1000it-crop224_camvid', 'gcn/ablations/gcn_r18-k7_1000it-crop224_camvid',
             'crf/fcn8s-densecrf_vgg16s_1000it-crop224_camvid', 'solo/solo_r18_2000it_shapes']
    assert small_systems(Path(f'{path}.py') for path in paths) == [
        'solo_r18_1500it_shapes', 'gcn_r18_1000it-crop224_camvid']


@pytest.mark.parametrize(('changes', 'expected'), [
    (dict(), 'yes'),
    (dict(scores={'mIoU': 81.0, 'aAcc': 94.9}), 'no'),
    (dict(scores={'mIoU': 9.0, 'aAcc': 96.0}, precise={'mIoU': 80.0, 'aAcc': 95.0}), 'precise'),
    (dict(scores={'coco/segm_mAP': 60.0, 'coco/segm_mAP_50': 61.0}), 'yes'),
    (dict(scores={'mIoU': 9.0, 'aAcc': 96.0}, loss=0.2), 'loss'),
    (dict(scores={'mIoU': 9.0, 'aAcc': 96.0}, loss=0.201), 'no'),
    (dict(scores={}), '-'),
    (dict(error='over'), 'no'),
])
def test_every_score_with_a_limit_must_reach_it(changes: dict, expected: str) -> None:
    assert fits(row(**changes)) == expected


def test_rows_come_in_the_order_of_the_configs_and_each_rate_after_the_first() -> None:
    def at(name: str, factor: float) -> dict[str, Any]:
        return row(name, settings=Settings(lr_factor=factor)._asdict())

    rows = [at('mine', 1), at('solo_r18_1500it_shapes (lr x 3)', 3), at('solo_r18_1500it_shapes (lr x 0.3)', 0.3),
            at('solo_r18_1500it_shapes', 1), at('enet_port_1000it-crop224_camvid', 1)]
    assert [one['name'] for one in in_order({one['name']: one for one in rows})] == [
        'enet_port_1000it-crop224_camvid', 'solo_r18_1500it_shapes', 'solo_r18_1500it_shapes (lr x 0.3)',
        'solo_r18_1500it_shapes (lr x 3)', 'mine']


def test_rows_are_measured_once_and_what_failed_again(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    path, out, page = tmp_path / 'toy.py', tmp_path / 'rows.jsonl', tmp_path / 'page.md'
    segmentor_config(write_toy_label_maps(tmp_path), tmp_path / 'run').dump(str(path))
    page.write_text(f'before\n{BEGIN}old\n{END}\nafter\n')
    calls: list[float] = []

    def fake(cfg: object, settings: Settings, timeout: float | None) -> dict:
        assert (timeout, settings.batch_size) == (9, 2)
        calls.append(settings.lr_factor)
        if settings.lr_factor == 3:
            raise RuntimeError('no such\nrate')
        return dict(scores={'mIoU': 50.0}, precise={}, first_loss=2.0, loss=1.0, seconds=3.0)

    monkeypatch.setattr(overfit, 'measure_overfit', fake)
    command = ['benchmark', 'overfit', str(path), '--lr-factor', '1', '3', '--timeout', '9', '--batch-size', '2',
               '--out-file', str(out), '--page', str(page)]
    assert main(command) == 1
    assert main(command) == 1
    assert calls == [1.0, 3.0, 3.0]
    assert [json.loads(line)['name'] for line in out.read_text().splitlines()] == ['toy'] + 2 * ['toy (lr x 3)']
    good = '| toy | no | mIoU 50.0 |  | 2.00 -> 1.000 | 200 of 2 images | 3 |'
    assert good in capsys.readouterr().out
    assert page.read_text().startswith(f'before\n{BEGIN}')
    assert good in page.read_text()
    assert '| toy (lr x 3) | no | failed: RuntimeError: no such rate |' in page.read_text()
    assert page.read_text().endswith(f'{END}\nafter\n')


def test_a_row_of_other_settings_or_of_a_config_that_changed_is_measured_anew(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, out = tmp_path / 'toy.py', tmp_path / 'rows.jsonl'
    cfg = segmentor_config(write_toy_label_maps(tmp_path), tmp_path / 'run')
    cfg.dump(str(path))
    measured: list[tuple[int, float]] = []

    def fake(cfg: Any, settings: Settings, timeout: float | None) -> dict:
        measured.append((settings.iters, cfg.optim_wrapper.optimizer.lr))
        return dict(scores={'mIoU': 50.0}, precise={}, first_loss=2.0, loss=1.0, seconds=3.0)

    monkeypatch.setattr(overfit, 'measure_overfit', fake)
    command = ['benchmark', 'overfit', str(path), '--out-file', str(out), '--size', '64', '64']
    rate = cfg.optim_wrapper.optimizer.lr
    assert main([*command, '--iters', '5']) == main([*command, '--iters', '5']) == 0
    assert main([*command, '--iters', '6']) == 0
    cfg.optim_wrapper.optimizer.lr = 2 * rate
    cfg.dump(str(path))
    assert main([*command, '--iters', '6']) == 0
    assert measured == [(5, rate), (6, rate), (6, 2 * rate)]


def test_all_keeps_rows_of_other_settings_and_names_them(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / 'rows.jsonl'
    out.write_text(json.dumps(row(settings=Settings(batch_size=2)._asdict())) + '\n')
    monkeypatch.setattr(overfit_table, 'small_systems', lambda: ['toy'])
    monkeypatch.setattr(paths, 'resolve_config', str)
    assert main(['benchmark', 'overfit', 'all', '--out-file', str(out)]) == 0
    assert 'toy: kept as it is, measured with batch_size=2' in capsys.readouterr().err


def test_a_file_of_something_else_and_a_page_without_marks_are_refused(tmp_path: Path) -> None:
    (tmp_path / 'rows.jsonl').write_text(json.dumps(row()) + '\n[1]\n')
    with pytest.raises(UserError, match='line 2 is no row'):
        read_rows(tmp_path / 'rows.jsonl')
    (tmp_path / 'page.md').write_text('a table')
    with pytest.raises(UserError, match='has no lines <!-- overfit -->'):
        write_page(tmp_path / 'page.md', [row()])

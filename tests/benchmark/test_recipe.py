"""The procedure for learning rates: a held-out part of the training images, the same tries, one rule."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from mmengine.config import Config
from toy_runs import detector_config, segmentor_config, write_toy_coco, write_toy_label_maps

from mmseg_plugins.benchmark import recipe
from mmseg_plugins.benchmark.pages import set_block
from mmseg_plugins.benchmark.recipe import Choice, Settings, choose, divide, format_choices, hold_out, try_rate
from mmseg_plugins.cli.main import main
from mmseg_plugins.utils.errors import UserError

DOCS = Path(__file__).resolve().parents[2] / 'docs'


def scored(value: float, precise: float | None = None) -> dict:
    return dict(scores={'mIoU': value, 'aAcc': 99.0}, precise={} if precise is None else {'mIoU': precise})


def test_images_are_divided_by_the_seed_alone() -> None:
    kept, held = divide(367, 0.1, 0)
    assert len(held) == 37
    assert sorted(kept + held) == list(range(367))
    assert divide(367, 0.1, 0) == (kept, held)
    assert divide(367, 0.1, 1) != (kept, held)
    assert [len(part) for part in divide(2, 0.1, 0)] == [1, 1]
    with pytest.raises(UserError, match='1 of 1 training images'):
        divide(1, 0.1, 0)


def test_objects_are_held_out_with_their_images(tmp_path: Path) -> None:
    cfg = detector_config(write_toy_coco(tmp_path, images=5), tmp_path / 'run')
    before = (tmp_path / 'ann.json').read_text()
    numbers = hold_out(cfg, str(tmp_path), 0.4, 0)
    parts = [json.loads(Path(loader.dataset.ann_file).read_text()) for loader in (
        cfg.train_dataloader, cfg.val_dataloader)]
    ids = [{image['id'] for image in part['images']} for part in parts]
    assert numbers == (3, 2) == tuple(len(one) for one in ids)
    assert ids[0] | ids[1] == {1, 2, 3, 4, 5}
    assert [{item['image_id'] for item in part['annotations']} for part in parts] == ids
    assert cfg.val_evaluator[0].ann_file == cfg.val_dataloader.dataset.ann_file
    assert [step.type for step in cfg.val_dataloader.dataset.pipeline][1] == 'Resize'  # that of the validation
    assert (tmp_path / 'ann.json').read_text() == before


def test_label_maps_are_held_out_by_their_places(tmp_path: Path) -> None:
    cfg = segmentor_config(write_toy_label_maps(tmp_path), tmp_path / 'run')
    assert hold_out(cfg, str(tmp_path), 0.25, 0) == (3, 1)
    places = cfg.train_dataloader.dataset.indices, cfg.val_dataloader.dataset.indices
    assert sorted(places[0] + places[1]) == [0, 1, 2, 3]


def test_two_training_sets_cannot_be_divided(tmp_path: Path) -> None:
    cfg = detector_config(tmp_path, tmp_path / 'run')
    part = cfg.train_dataloader.dataset
    cfg.train_dataloader.dataset = dict(type='ConcatDataset', datasets=[part, part])
    with pytest.raises(UserError, match='made of 2 data sets'):
        hold_out(cfg, str(tmp_path), 0.1, 0)


def test_a_try_trains_on_one_part_and_is_scored_on_the_other(tmp_path: Path) -> None:
    cfg = segmentor_config(write_toy_label_maps(tmp_path), tmp_path / 'run')
    found = try_rate(cfg, Settings(iters=2, share=0.25), 3.0)
    assert (found['trained_on'], found['held_out']) == (3, 1)
    assert set(found['scores']) == {'mIoU', 'aAcc'}
    assert found['precise'] == {}  # nobody asked
    assert cfg.optim_wrapper.optimizer.lr == 0.01  # the caller's config stays


@pytest.mark.parametrize(('scores', 'chosen'), [
    ((20.0, 24.0, 22.0), Choice(1.0, False, 24.0)),
    ((20.0, 24.0, 24.5), Choice(1.0, False, 24.0, 'tie')),
    ((20.0, 24.0, 24.6), Choice(3.0, False, 24.6, 'edge')),
    ((25.0, 10.0, 25.0), Choice(1 / 3, False, 25.0, 'tie')),  # as near to 1 as 3 is, and lower
    ((0.0, 0.0, 0.0), Choice(1.0, False, 0.0, 'tie')),
])
def test_the_best_score_wins_and_of_equal_ones_the_rate_nearest_to_the_configs(
        scores: tuple[float, ...], chosen: Choice) -> None:
    assert choose(dict(zip((1 / 3, 1.0, 3.0), map(scored, scores), strict=True))) == chosen


def test_failed_tries_have_no_score() -> None:
    assert choose({1.0: scored(5.0), 3.0: dict(error='not finite')}) == Choice(1.0, False, 5.0, 'edge')
    assert choose({1.0: dict(error='not finite')}) == Choice(None)


def test_precise_statistics_are_tries_where_they_are_asked_for() -> None:
    rows = {1.0: scored(20.0, 20.4), 3.0: scored(10.0, 30.0)}
    assert choose(rows, precise=True) == Choice(3.0, True, 30.0, 'edge')
    assert choose(rows) == Choice(1.0, False, 20.0, 'edge')
    assert choose({1.0: scored(20.0, 20.4)}, precise=True) == Choice(1.0, False, 20.0)


def test_the_table_shows_every_try_and_the_choice() -> None:
    tries = {'net': {1.0: scored(20.0, 21.0) | dict(lr=1e-3), 3.0: dict(error='not finite', lr=1e-3)},
             'other': {1.0: dict(error='no')}}
    assert format_choices(tries, [1.0, 3.0], precise=True).splitlines() == [
        '| config | score | lr | lr x 1 | lr x 3 | chosen |',
        '|---|---|---|---|---|---|',
        '| net | mIoU | 0.001 | 20.0 / 21.0 | failed | x 1, precise statistics (edge) |',
        '| other |  |  | failed |  | none |',
    ]


def test_tries_are_made_once_and_with_other_settings_anew(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    path, out = tmp_path / 'toy.py', tmp_path / 'tries.json'
    segmentor_config(write_toy_label_maps(tmp_path), tmp_path / 'run').dump(str(path))
    made: list[tuple[int, float]] = []

    def fake(cfg: Config, settings: Settings, factor: float) -> dict:
        made.append((settings.iters, factor))
        return scored(10 * factor)

    monkeypatch.setattr(recipe, 'try_rate', fake)
    page = tmp_path / 'page.md'
    page.write_text('before\n<!-- recipe -->\nold\n<!-- end of recipe -->\nafter\n')
    command = ['benchmark', 'recipe', str(path), '--lr-factor', '1/3', '1', '--out-file', str(out), '--page', str(page)]
    assert main(command) == main(command) == 0
    assert made == [(150, 1 / 3), (150, 1.0)]
    assert '| toy | mIoU | 0.01 | 3.3 | 10.0 | x 1 (edge) |' in capsys.readouterr().out
    text = page.read_text()
    assert text.startswith('before\n<!-- recipe -->\n| config | score | lr | lr x 0.333 | lr x 1 | chosen |\n')
    assert '\n150 iterations, 0.1 of the training images held out, seed 0. Measured on ' in text
    assert text.endswith('<!-- end of recipe -->\nafter\n')
    assert 'old' not in text
    assert main([*command, '--iters', '9']) == 0
    assert made[2:] == [(9, 1 / 3), (9, 1.0)]
    assert json.loads(out.read_text())['tries']['toy']['1.0']['settings']['iters'] == 9


def test_tries_of_a_config_that_changed_are_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, out = tmp_path / 'toy.py', tmp_path / 'tries.json'
    cfg = segmentor_config(write_toy_label_maps(tmp_path), tmp_path / 'run')
    rates: list[float] = []

    def fake(cfg: Config, settings: Settings, factor: float) -> dict:
        rates.append(cfg.optim_wrapper.optimizer.lr)
        return scored(10.0)

    monkeypatch.setattr(recipe, 'try_rate', fake)
    command = ['benchmark', 'recipe', str(path), '--lr-factor', '1', '--out-file', str(out)]
    for rate in (0.01, 0.03, 0.03):
        cfg.optim_wrapper.optimizer.lr = rate
        cfg.dump(str(path))
        assert main(command) == 0
    assert rates == [0.01, 0.03]


def test_the_page_shows_the_tries_that_are_published() -> None:
    published = json.loads((DOCS / 'recipes.json').read_text())['tries']
    tries = {name: {float(factor): row for factor, row in rows.items()} for name, rows in published.items()}
    assert f'<!-- recipe -->\n{format_choices(tries, [1 / 3, 1.0, 3.0])}\n' in (DOCS / 'training.md').read_text()


def test_a_page_without_marks_is_refused(tmp_path: Path) -> None:
    (tmp_path / 'page.md').write_text('nothing\n')
    with pytest.raises(UserError, match='has no lines <!-- recipe -->'):
        set_block(tmp_path / 'page.md', 'recipe', 'text')


@pytest.mark.parametrize('words', [['--held-out', '1'], ['--lr-factor', '0']])
def test_options_out_of_range_are_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(['benchmark', 'recipe', 'anything', *words]) == 2
    assert f'{words[0]} {float(words[1])}' in capsys.readouterr().err

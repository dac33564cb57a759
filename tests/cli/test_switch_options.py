"""Switches of the default runtime take options from the command line."""

import toy_runs

from mmseg_plugins.config.load import load_config

RUNTIME = toy_runs.ROOT / 'configs' / '_base_' / 'runtime' / 'default_runtime.py'


def test_a_switch_that_is_on_takes_options_one_by_one():
    cfg = load_config(RUNTIME, {'run_report.interval': 5, 'run_report.score_thr': 0.1, 'progress': False})
    assert cfg.run_report == dict(interval=5, score_thr=0.1)
    assert cfg.progress is False
    assert cfg.finite_loss is True

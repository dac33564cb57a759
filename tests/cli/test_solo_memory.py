"""``mmseg-plugins benchmark solo-memory``."""

import json

import pytest

from mmseg_plugins.cli.main import main

COMMAND = ['benchmark', 'solo-memory']


@pytest.mark.parametrize('extra', [['--rle'], ['--stock']])
def test_prints_what_a_prediction_took(extra, capsys):
    size = ['--size', '60', '90', '--map-size', '20', '30', '--candidates', '700']
    assert main([*COMMAND, *size, *extra]) == 0
    facts = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert facts['head'] == ('mmdet' if extra == ['--stock'] else 'mmseg_plugins')
    assert facts['instances'] == 100
    assert 0 < facts['before_gb'] <= facts['peak_gb']


def test_refuses_more_candidates_than_there_can_be(capsys):
    assert main([*COMMAND, '--candidates', '969']) == 2
    assert 'at most 968' in capsys.readouterr().err

"""mmseg-plugins list: which configs, and scores next to their names."""

import re

from mmseg_plugins.cli.list_configs import LINE, score_lines
from mmseg_plugins.cli.main import main
from mmseg_plugins.config.catalog import ConfigInfo, list_configs


def test_models_are_systems_with_the_scores_of_their_configs(capsys):
    assert main(['list', '--models']) == 0
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= LINE
    groups = {block.split(':')[0]: block.splitlines() for block in printed.strip().split('\n\n')}
    infos = list_configs()
    assert list(groups) == list(dict.fromkeys(info.system for info in infos))
    for system, lines in groups.items():
        own = [info for info in infos if info.system == system]
        assert re.fullmatch(rf'{system}: .+ \({len(own)} configs?\)', lines[0])
        assert lines[1:] == score_lines(own)


def test_models_of_one_system_and_of_a_pattern(capsys):
    assert main(['list', '--models', 'solo']) == 0
    assert re.findall(r'^(\S+):', capsys.readouterr().out, re.M) == ['solo']
    assert main(['list', '--models', 'solov2*nuclei']) == 0
    names = re.findall(r'^  (\S+)', capsys.readouterr().out, re.M)
    assert names == [info.name for info in list_configs('solov2*nuclei')]


def test_names_and_scores_stand_in_two_columns_and_long_ones_on_two_lines(tmp_path):
    def info(name, **results):
        return ConfigInfo(name=name, system='s', description='', path=tmp_path, results=results)

    long = 'x' * 90
    assert score_lines([info('a', nuclei={'mask AP': 38.94}), info('bcd')]) == [
        '  a    mask AP 38.9 (nuclei)', '  bcd  -']
    assert score_lines([info(long, nuclei={'mask AP': 4.0})]) == [f'  {long}', '      mask AP 4.0 (nuclei)']

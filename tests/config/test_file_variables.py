"""A variable of a config file acts from the command line, with everything that is computed from it."""

import ast
import inspect
import re
from pathlib import Path

import pytest
from config_files import ROOT
from mmengine.runner import Runner

from mmseg_plugins.config import load as config
from mmseg_plugins.config.file_variables import assigned_names
from mmseg_plugins.config.load import load_config
from mmseg_plugins.utils.errors import UserError

NUCLEI = ROOT / 'configs/solo/solo_r18_1000it-crop256_nuclei.py'


def test_number_of_steps_reaches_the_loop_and_the_schedulers():
    cfg = load_config(NUCLEI, {'max_iters': 20, 'warmup_iters': 4})
    assert cfg.max_iters == cfg.train_cfg.max_iters == 20
    warmup, cosine = cfg.param_scheduler
    assert (warmup.end, cosine.begin, cosine.end, cosine.T_max) == (4, 4, 20, 16)


def test_everything_else_stays_as_the_file_has_it():
    cfg, plain = (load_config(NUCLEI, options) for options in ({'base_lr': 0.5}, None))
    assert cfg.optim_wrapper.optimizer.lr == cfg.base_lr == 0.5
    cfg.base_lr = cfg.optim_wrapper.optimizer.lr = plain.base_lr
    assert cfg.to_dict() == plain.to_dict()
    assert cfg.filename == str(NUCLEI)


def test_text_of_the_config_states_the_value_and_the_own_files():
    text = load_config(NUCLEI, {'base_lr': 0.5}).text
    assert 'base_lr = 0.5\n' in text
    named = [line for line in text.split('\n') if line.startswith('/') and line.endswith('.py')]
    assert str(NUCLEI) in named
    assert all(Path(line).is_file() for line in named)


def test_key_wins_over_the_variable_that_it_was_computed_from():
    cfg = load_config(NUCLEI, {'max_iters': 20, 'train_cfg.max_iters': 10})
    assert (cfg.train_cfg.max_iters, cfg.param_scheduler[1].end) == (10, 20)


def test_variable_that_a_child_assigns_again_acts_in_both_files(tmp_path):
    (tmp_path / 'base.py').write_text("steps = 4  # \u00e9\ntrain = dict(steps=steps)\nfolder = '{{ fileDirname }}'\n")
    (tmp_path / 'leaf.py').write_text("_base_ = './base.py'\nsteps = (\n    5)\ntest = dict(steps=2 * steps)\n")
    cfg = load_config(tmp_path / 'leaf.py', {'steps': 7})
    assert (cfg.steps, cfg.train.steps, cfg.test.steps, cfg.folder) == (7, 7, 14, str(tmp_path))


def test_own_configs_named_by_their_package_are_own_files(tmp_path):
    name = 'mmseg_plugins::' + NUCLEI.relative_to(ROOT / 'configs').as_posix()
    (tmp_path / 'leaf.py').write_text(f'_base_ = {name!r}\n')
    for path in (name, tmp_path / 'leaf.py'):
        assert load_config(path, {'max_iters': 20}).param_scheduler[1].end == 20


@pytest.mark.parametrize('value', [None, True, 0.5, 'a b', (1, 2), [(1, 'a'), None]])
def test_every_kind_of_value_arrives(tmp_path, value):
    (tmp_path / 'leaf.py').write_text('thing = 3\nmodel = dict(thing=thing)\n')
    assert load_config(tmp_path / 'leaf.py', {'thing': value}).model.thing == value


def test_value_that_the_file_cannot_compute_with_is_an_error(tmp_path):
    (tmp_path / 'leaf.py').write_text('steps = 3\ntrain = dict(steps=steps // 2)\n')
    with pytest.raises(UserError, match=r'leaf\.py cannot be read: unsupported operand'):
        load_config(tmp_path / 'leaf.py', {'steps': 'many'})


def test_pure_python_config_and_json_have_no_variables(tmp_path):
    pure, text = tmp_path / 'pure.py', tmp_path / 'plain.json'
    pure.write_text('from mmengine.config import read_base\nwith read_base():\n    pass\nsteps = 3\n')
    text.write_text('{"steps": 3}')
    assert assigned_names(pure) == assigned_names(text) == set()


def _announced(path):
    """Names assigned below a banner 'often changed', up to the next banner or the first dict."""
    lines = path.read_text().split('\n')
    banner = next((number for number, line in enumerate(lines, 1) if line.endswith(' often changed')), None)
    body = ast.parse('\n'.join(lines)).body if banner else []
    for node in body:
        if node.lineno < banner:
            continue
        if any(line.startswith('# ----') for line in lines[banner:node.lineno - 1]) or not _is_simple(node):
            return
        yield node.targets[0].id


def _is_simple(node):
    return (isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name)
            and not isinstance(node.value, ast.Call))


def _reached(path, name, trees, texts, lines):
    """Names that follow a variable: in its own file, and in the files that read one of them as ``_base_.NAME``."""
    reached = {path: {name}}
    waiting = [path]
    while waiting:
        here = waiting.pop()
        names = reached[here]
        for node in trees[here].body * 3:  # a name may be read above where another follows it
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and names & {
                    part.id for part in ast.walk(node.value) if isinstance(part, ast.Name)}:
                names.add(node.targets[0].id)
        pattern = re.compile(rf'_base_\.({"|".join(names)})\b')
        for other in (other for other, text in texts.items() if pattern.search(text)):
            fed = {node.targets[0].id for node in trees[other].body
                   if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
                   and pattern.search('\n'.join(lines[other][node.lineno - 1:node.end_lineno]))}
            if not fed <= reached.setdefault(other, set()):
                reached[other] |= fed
                waiting.append(other)
    return set().union(*reached.values())


def test_every_variable_announced_as_often_changed_reaches_what_a_run_reads():
    """Of 218, tried one by one, 213 changed their own config and 2 that of inheriting files; 3 could not be tried."""
    texts = {path: path.read_text() for path in (ROOT / 'configs').rglob('*.py')}
    trees = {path: ast.parse(text) for path, text in texts.items()}
    lines = {path: text.split('\n') for path, text in texts.items()}
    announced = [(path, name) for path in texts for name in _announced(path)]
    assert len(announced) >= 200
    used = {*config._ACTING, *inspect.signature(Runner.__init__).parameters, *config.DATA_VARIABLES}
    idle = [(path.relative_to(ROOT), name) for path, name in announced
            if not used & _reached(path, name, trees, texts, lines)]
    assert idle == []


def test_a_variable_that_changes_nothing_is_said(tmp_path, capsys):
    (tmp_path / 'base.py').write_text('steps = 3\ntrain_cfg = dict(max_iters=steps)\n')
    (tmp_path / 'leaf.py').write_text("_base_ = './base.py'\ntrain_cfg = dict(max_iters=5)\n")
    assert load_config(tmp_path / 'leaf.py', {'steps': 7}).train_cfg.max_iters == 5
    assert 'steps=7 changes nothing' in capsys.readouterr().out
    for file, value in (('base.py', 7), ('leaf.py', 3)):
        load_config(tmp_path / file, {'steps': value})
    assert 'changes nothing' not in capsys.readouterr().out

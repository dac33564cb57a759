"""The frame of the command: help, exit statuses, near names, completion, what is imported when."""

import re
import subprocess
import sys
import time

import pytest

from mmseg_plugins.cli import frame
from mmseg_plugins.cli.arguments import check_out_dir, check_out_file
from mmseg_plugins.cli.completion_scripts import SCRIPTS, collect
from mmseg_plugins.cli.frame import Command, Parser
from mmseg_plugins.cli.main import COMMANDS, PROG, main
from mmseg_plugins.utils.errors import UserError


def leaves(commands=COMMANDS, path=()):
    for command in commands:
        yield from leaves(command.children, (*path, command.name)) if command.children else [(*path, command.name)]


LEAVES = list(leaves())


@pytest.mark.parametrize('path', LEAVES, ids=' '.join)
def test_every_subcommand_has_help_with_an_example_and_the_exit_table(path, capsys):
    assert main([*path, '--help']) == 0
    text = capsys.readouterr().out
    command = ' '.join((PROG, *path))
    assert text.startswith(f'usage: {command} ')
    assert text.count(command) > 1, 'no example'
    assert '2  refused' in text


def test_help_names_every_command_and_asks_for_nothing_heavy():
    start = time.perf_counter()
    code = ('import sys; from mmseg_plugins.cli.main import main; status = main(["train", "--help"]); '
            'sys.exit(status or bool({"torch", "mmengine", "numpy"} & set(sys.modules)))')
    done = subprocess.run([sys.executable, '-c', code], text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert time.perf_counter() - start < 10  # measured on an idle core: 0.1 s


def test_no_subcommand_imports_the_stack_before_it_runs():
    code = ('import sys; from mmseg_plugins.cli.completion_scripts import collect; '
            'from mmseg_plugins.cli.main import COMMANDS; collect(COMMANDS); '
            'sys.exit(", ".join({"torch", "mmengine", "numpy", "cv2"} & set(sys.modules)) or 0)')
    done = subprocess.run([sys.executable, '-c', code], text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_python_m_is_the_command():
    words = [sys.executable, '-m', 'mmseg_plugins', '--version']
    done = subprocess.run(words, text=True, capture_output=True, check=True)
    assert re.fullmatch(r'mmseg-plugins \d+\.\d+\S*\n', done.stdout)


@pytest.mark.parametrize(('words', 'said'), [
    ([], 'a command is missing'),
    (['trian'], "no command 'trian' (did you mean 'train'?)"),
    (['benchmark'], 'a command is missing'),
    (['convert-data', 'camvit'], "no command 'camvit' (did you mean 'camvid'?)"),
    (['train', 'x.py', '--work-dri', 'a'], "unknown argument '--work-dri' (did you mean '--work-dir'?)"),
    (['browse', 'x.py', '--out-dir', 'a', '--split', 'vall'], "(did you mean 'val'?)"),
    (['predict'], 'the following arguments are required'),
    (['train', 'x.py', '--cfg-options', 'train_cfg.max_iters'], 'no KEY=VALUE'),
])
def test_wrong_words_are_refused_with_what_is_near(words, said, capsys):
    assert main(words) == 2
    error = capsys.readouterr().err
    assert said in error
    assert 'error: ' in error
    assert 'Traceback' not in error


def fails_with(error):
    with pytest.raises(SystemExit) as stop, frame.explain_failures():
        raise error
    return stop.value.code


def test_a_users_mistake_is_its_message_alone_and_status_2(capsys):
    assert fails_with(UserError('x is wrong.', rule='y.', fix='z')) == 2
    assert capsys.readouterr().err == 'error: x is wrong. Rule: y. Fix: z\n'
    assert fails_with(PermissionError(13, 'Permission denied', '/etc/secret')) == 2
    assert capsys.readouterr().err == 'error: /etc/secret: Permission denied. Fix: correct the path, or its rights\n'


def test_the_traceback_of_a_mistake_is_there_for_who_asks(monkeypatch, capsys):
    monkeypatch.setenv(frame.TRACEBACK_VARIABLE, '1')
    assert fails_with(UserError('x is wrong.')) == 2
    assert 'Traceback' in capsys.readouterr().err


def test_a_crash_is_a_traceback_and_status_1(capsys):
    assert fails_with(ZeroDivisionError('a fault of the program')) == 1
    error = capsys.readouterr().err
    assert 'Traceback' in error
    assert 'ZeroDivisionError: a fault of the program' in error


def test_former_option_names_are_taken_and_not_shown(capsys):
    parser = Parser('x', 'y')
    parser.add_argument('--out-dir')
    parser.rename('--out', '--out-dir')
    assert parser.parse_args(['--out=a']).out_dir == 'a'
    assert parser.parse_args(['--out', 'b']).out_dir == 'b'
    assert capsys.readouterr().err.count('deprecated: --out is called --out-dir now') == 2
    assert '--out ' not in parser.format_help()


def test_outputs_are_checked_before_the_work(tmp_path):
    (tmp_path / 'file').write_text('')
    assert check_out_dir(tmp_path / 'a' / 'b') == tmp_path / 'a' / 'b'
    assert not (tmp_path / 'a').exists()
    for path in (tmp_path / 'file', tmp_path / 'file' / 'below'):
        with pytest.raises(UserError, match=r'--out-dir .*file.*Fix'):
            check_out_dir(path)
    assert check_out_file(tmp_path / 'c' / 'x.png', ('.png',)) == tmp_path / 'c' / 'x.png'
    assert not (tmp_path / 'c' / 'x.png').exists()
    assert check_out_file(None) is None
    for path, said in ((tmp_path, 'is a folder'), (tmp_path / 'x.gif', 'must end in one of .png'),
                       (tmp_path / 'file' / 'x.png', 'cannot be written')):
        with pytest.raises(UserError, match=said):
            check_out_file(path, ('.png',))


def test_the_tree_of_completion_has_every_path_with_its_options():
    nodes = collect(COMMANDS)
    assert set(LEAVES) <= set(nodes)
    assert '--dry-run' in nodes[('train',)].words
    assert nodes[('train',)].configs
    assert nodes[('browse',)].choices['--split'] == ['train', 'val', 'test']
    assert 'shapes' in nodes[('convert-data',)].words
    assert {'bash', 'zsh', 'fish'} <= set(nodes[('completion',)].words)


@pytest.mark.parametrize(('line', 'wanted', 'unwanted'), [
    (['mmseg-plugins', 'conv'], 'convert-data', 'train'),
    (['mmseg-plugins', 'convert-data', 'sh'], 'shapes', 'camvid'),
    (['mmseg-plugins', 'train', '--dr'], '--dry-run', '--amp'),
    (['mmseg-plugins', 'train', 'panet_r18-path_15'], 'panet_r18-path_1500it_shapes', 'train'),
    (['mmseg-plugins', 'browse', 'x.py', '--split', 'v'], 'val', 'train'),
])
def test_bash_completes(line, wanted, unwanted, tmp_path):
    script = tmp_path / 'completion.sh'
    script.write_text(SCRIPTS['bash'](PROG, collect(COMMANDS)))
    words = ' '.join(f"'{word}'" for word in line)
    code = (f'source {script}; COMP_WORDS=({words}); COMP_CWORD={len(line) - 1}; _mmseg_plugins; '
            'printf "%s\\n" "${COMPREPLY[@]}"')
    done = subprocess.run(['bash', '-c', code], text=True, capture_output=True, check=True, cwd=tmp_path)
    assert wanted in done.stdout.split()
    assert unwanted not in done.stdout.split()


@pytest.mark.parametrize('shell', ['bash', 'zsh', 'fish'])
def test_the_command_prints_a_script_for(shell, capsys):
    assert main(['completion', shell]) == 0
    assert '--dry-run' in capsys.readouterr().out.replace('-l dry-run', '--dry-run')


def test_a_group_explains_itself(capsys):
    assert main(['benchmark', '--help']) == 0
    text = capsys.readouterr().out
    assert all(name in text for name in ('models', 'operators', 'crf', 'solo-memory'))


def test_every_name_of_the_table_is_used_once():
    names = [command.name for command in COMMANDS]
    assert len(names) == len(set(names))
    assert all(isinstance(command, Command) and bool(command.module) != bool(command.children) for command in COMMANDS)

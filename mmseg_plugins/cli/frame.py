"""The frame of the command ``mmseg-plugins``: its table of subcommands, one parser, one exit table, one way to fail.

Only the standard library is imported here, so that ``--help`` and completion answer at once.  A subcommand is a module
with a docstring (its ``--help``), ``add_arguments(parser)`` and ``run(args) -> int``; nothing of it is imported before
the subcommand is named, and nothing heavy before ``run``.
"""

from __future__ import annotations

import argparse
import importlib
import os
import re
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn

from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.utils.suggest import did_you_mean

#: The exit table of every subcommand.
DONE, PARTLY, REFUSED = 0, 1, 2
EXIT_TABLE = """exit status:
  0  done
  1  partly: something was left out or found wrong, and the output names it
  2  refused: nothing was done; the message names the value, the rule and the fix
  (a crash is Python's own 1, with a traceback)"""

#: Set to 1 to see the traceback of a mistake that its message explains.
TRACEBACK_VARIABLE = 'MMSEG_PLUGINS_TRACEBACK'

#: Operating system errors that are a wrong path or missing rights rather than a fault of the program.
_PATH_ERRORS = (FileNotFoundError, PermissionError, NotADirectoryError, IsADirectoryError, FileExistsError)


@dataclass(frozen=True)
class Command:
    """A subcommand: a module below ``mmseg_plugins.cli``, or a group of further ones."""

    name: str
    help: str
    module: str = ''
    children: tuple[Command, ...] = ()

    def load(self) -> Any:
        """The module, with ``add_arguments`` and ``run``."""
        return importlib.import_module(f'mmseg_plugins.cli.{self.module}')


class Parser(argparse.ArgumentParser):
    """An argument parser whose mistakes name what is near, and that still takes options by an old name."""

    def __init__(self, prog: str, description: str, epilog: str = EXIT_TABLE) -> None:
        super().__init__(prog, description=description, epilog=epilog,
                         formatter_class=argparse.RawDescriptionHelpFormatter)
        self._renamed: dict[str, str] = {}

    def rename(self, old: str, new: str) -> None:
        """Take the option ``old`` as ``new``, with a line that says so; ``--help`` does not show it."""
        self._renamed[old] = new

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        words = [self._current_name(word) for word in (sys.argv[1:] if args is None else args)]
        # One positional argument that may be left out: it may stand after options, as the others.
        mixed = any(not action.option_strings and action.nargs == argparse.OPTIONAL for action in self._actions)
        parse = self.parse_known_intermixed_args if mixed else self.parse_known_args
        parsed, unknown = parse(words, namespace)
        if unknown:
            word = unknown[0]
            near = did_you_mean(word.partition('=')[0], self.option_words()) if word.startswith('-') else ''
            self.error(f'unknown argument {word!r}{near}')
        return parsed

    def option_words(self) -> list[str]:
        """``--amp``, ``--work-dir``, ...: the options that ``--help`` shows."""
        shown = [action for action in self._actions if action.help != argparse.SUPPRESS]
        return [word for action in shown for word in action.option_strings if word.startswith('--')]

    def error(self, message: str) -> NoReturn:
        """Print the usage and the message, and exit with status 2."""
        choice = re.search(r"invalid choice: '([^']*)' \(choose from (.*)\)", message)
        if choice:
            message += did_you_mean(choice[1], re.findall(r"[\w.-]+", choice[2]))
        self.print_usage(sys.stderr)
        self.exit(REFUSED, f'error: {message}\n')

    def _current_name(self, word: str) -> str:
        name, equal, value = word.partition('=')
        if name not in self._renamed:
            return word
        print(f'deprecated: {name} is called {self._renamed[name]} now', file=sys.stderr)
        return self._renamed[name] + equal + value


def find(commands: Sequence[Command], words: Sequence[str]) -> tuple[Command | None, list[str], list[str]]:
    """The command that the first words name, their path, and the words after it.

    Returns:
        The command is None where the words name none; the path then is that of the group they stopped in.
    """
    path: list[str] = []
    rest = list(words)
    while rest:
        command = next((one for one in commands if one.name == rest[0]), None)
        if command is None:
            return None, path, rest
        path.append(rest.pop(0))
        if not command.children:
            return command, path, rest
        commands = command.children
    return None, path, rest


def parser_of(command: Command, prog: str) -> tuple[Parser, Any]:
    """Parser and module of a subcommand."""
    module = command.load()
    parser = Parser(prog, module.__doc__ or command.help)
    module.add_arguments(parser)
    return parser, module


def overview(commands: Sequence[Command], prog: str, head: str) -> str:
    """The text of ``--help`` of the command, or of a group."""
    width = max(len(command.name) for command in commands) + 2
    lines = [f'usage: {prog} COMMAND ...', '', head, '', 'commands:']
    lines += [f'  {command.name:<{width}}{command.help}' for command in commands]
    return '\n'.join([*lines, '', f'{prog} COMMAND --help explains one of them.', '', EXIT_TABLE])


@contextmanager
def explain_failures() -> Iterator[None]:
    """Turn a failure inside the block into what helps its reader.

    A mistake of input (:class:`UserError`, a path that is not there or may not be written) prints its message alone
    and exits with status 2.  Anything else prints what the doctor finds wrong with the installation, then the
    traceback, and exits with status 1.
    """
    try:
        yield
    except BrokenPipeError:  # whoever reads the output has seen enough
        raise
    except (UserError, *_PATH_ERRORS) as error:
        if os.environ.get(TRACEBACK_VARIABLE) == '1':
            traceback.print_exception(error)
        print(f'error: {_text(error)}', file=sys.stderr)
        raise SystemExit(REFUSED) from error
    except KeyboardInterrupt as error:
        print('interrupted', file=sys.stderr)
        raise SystemExit(130) from error
    except Exception as error:
        problems = ''
        if os.environ.get('LOCAL_RANK', '0') == '0':
            from mmseg_plugins.utils.doctor import diagnose

            problems = diagnose().text(problems_only=True)
            if problems:
                print(problems, file=sys.stderr)
        if problems and isinstance(error, ImportError):  # an incomplete installation, which was just explained
            print(f'cannot start: {type(error).__name__}: {error}', file=sys.stderr)
        else:
            traceback.print_exception(error)
        raise SystemExit(1) from error


def _text(error: Exception) -> str:
    if isinstance(error, UserError) or not isinstance(error, OSError) or error.filename is None:
        return str(error)
    return f'{error.filename}: {error.strerror}. Fix: correct the path, or its rights'

"""Arguments that several subcommands share, each with one meaning everywhere."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmseg_plugins.cli.frame import Parser
from mmseg_plugins.utils.errors import UserError

CONFIG_HELP = 'name of one of our configs or shipped models, a config file, or mmdet::... / mmseg::...'


class OptionsAction(argparse.Action):
    """``key=value`` words as :class:`CfgOptions` reads them; it and mmengine are imported when the option is used."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any,
                 option_string: str | None = None) -> None:
        from mmseg_plugins.utils.cfg_options import CfgOptions

        CfgOptions(self.option_strings, self.dest, nargs=self.nargs)(parser, namespace, values, option_string)


def add_config(parser: Parser, name: str = 'config') -> None:
    """The config that a subcommand works on."""
    parser.add_argument(name, metavar=name.upper(), help=CONFIG_HELP)


def add_cfg_options(parser: Parser) -> None:
    """``--cfg-options``, as in mmdetection."""
    parser.add_argument('--cfg-options', nargs='+', action=OptionsAction, metavar='KEY=VALUE',
                        help='override values of the config: key.sub=value; lists as "[a,b]"; data_root=... moves '
                        'every loader')


def add_device(parser: Parser) -> None:
    """``--device``; ``auto`` is an accelerator if there is one."""
    parser.add_argument('--device', default='auto', help='auto (an accelerator if there is one), cpu, cuda:0, ...')


def add_out_dir(parser: Parser, what: str, default: str | None = None, required: bool = True) -> None:
    """``--out-dir``: the folder that is written."""
    parser.add_argument('--out-dir', type=Path, default=default and Path(default), metavar='DIR',
                        required=required and default is None,
                        help=f'folder to write: {what}' + (f' (default {default})' if default else ''))
    parser.rename('--out', '--out-dir')


def add_out_file(parser: Parser, what: str, required: bool = True) -> None:
    """``--out-file``: the file that is written."""
    parser.add_argument('--out-file', type=Path, metavar='FILE', required=required, help=f'file to write: {what}')
    parser.rename('--out', '--out-file')


def check_out_dir(path: Path, option: str = '--out-dir') -> Path:
    """See before the work begins that a folder can be written; it is made when something is written into it.

    Raises:
        UserError: it is a file, or lies where nothing can be written.
    """
    there = next(folder for folder in (path, *path.absolute().parents) if folder.exists())
    if not there.is_dir():
        raise UserError(f'{option} {path}: {there} is a file.', rule='it must be a folder.', fix='name another.')
    if not os.access(there, os.W_OK | os.X_OK):
        raise UserError(f'{option} {path} may not be written.', fix='name another folder, or change its rights.')
    return path


def check_out_file(path: Path | None, suffixes: Sequence[str] = ()) -> Path | None:
    """Make the folder of a file, before the work begins; None stays None.

    Raises:
        UserError: the path is a folder, has another suffix, or cannot be written.
    """
    if path is None:
        return None
    if path.is_dir():
        raise UserError(f'--out-file {path} is a folder.', rule='it must be a file.', fix=f'{path}/NAME')
    if suffixes and path.suffix.lower() not in suffixes:
        raise UserError(f'--out-file {path}: its name must end in one of {", ".join(suffixes)}.', fix='rename it.')
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        existed = path.exists()
        with open(path, 'ab'):
            pass
        if not existed:
            path.unlink()
    except OSError as error:
        raise UserError(f'--out-file {path} cannot be written: {error.strerror}.', fix='name another file.') from error
    return path


def at_least(least: int, **values: float | None) -> None:
    """Refuse numbers below ``least``; None passes.

    Raises:
        UserError: naming the option and its value.
    """
    for name, value in values.items():
        if value is not None and value < least:
            raise UserError(f'--{name.replace("_", "-")} {value}: at least {least}')

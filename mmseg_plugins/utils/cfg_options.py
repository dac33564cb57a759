"""``--cfg-options key=value``: mmengine's action, with spaces kept.

mmengine removes every space of a value, so that ``data_root="my data/"`` reads another folder.
"""

from __future__ import annotations

import re
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from typing import Any

from mmengine.config import DictAction

_BRACKETS = {'(': ')', '[': ']'}
_QUOTES = '\'"'
#: Last words of keys whose values are names: of files, folders, classes.
_NAMES = re.compile(r'data_root|work_dir|load_from|(\w+_)?ann_file|(\w+_)?(img|seg)_prefix|img|img_path|seg'
                    r'|seg_map_path|(img|seg_map)_suffix|((thing|stuff)_)?classes')


class CfgOptions(DictAction):
    """Argparse action that gathers ``KEY=VALUE`` arguments in a dict.

    A value is a number, ``true``/``false``, ``None`` or text; ``1,2,3`` and ``[1,2,3]`` are lists, ``(1,2)`` is a
    tuple, and both nest.  Spaces around elements are dropped, those inside a text are kept.  Quotes keep a comma:
    ``classes='["a, b",c]'`` has two elements.  Names of files, folders and classes stay texts: ``data_root=2024``.

    Raises:
        SystemExit: an argument has no ``=``, or its brackets or quotes do not match (argparse's usage error).
    """

    def __call__(self, parser: ArgumentParser, namespace: Namespace, values: str | Sequence[Any] | None,
                 option_string: str | None = None) -> None:
        """Add the arguments to those that the option was given before."""
        options = dict(getattr(namespace, self.dest, None) or {})
        for argument in values or ():
            key, equals, text = str(argument).partition('=')
            if not equals or not key.strip():
                parser.error(f'{option_string} {argument}: no KEY=VALUE. Fix: e.g. train_cfg.max_iters=100; a value '
                             'with spaces in quotes, data_root="my data/"')
            try:
                options[key.strip()] = parse_value(text, bool(_NAMES.fullmatch(key.strip().split('.')[-1])))
            except ValueError as error:
                parser.error(f'{option_string} {argument}: {error}')
        setattr(namespace, self.dest, options)


def parse_value(text: str, names: bool = False) -> Any:
    """The value that an option's text stands for; see :class:`CfgOptions`.

    Args:
        text: The text.
        names: Whether numbers and truth values in it are texts, too.

    Raises:
        ValueError: brackets or quotes of a list do not match.
    """
    text = text.strip()
    if len(text) > 1 and text[0] in _QUOTES and text.find(text[0], 1) == len(text) - 1:
        inside = text[1:-1]
        return parse_value(inside, names) if _is_bracketed(inside) else _plain_value(inside, names)
    if _is_bracketed(text) and len(_split(text)) == 1:
        values = [parse_value(part, names) for part in _split(text[1:-1])]
        return tuple(values) if text[0] == '(' else values
    if ',' in text:
        return [parse_value(part, names) for part in _split(text)]
    return _plain_value(text, names)


def _plain_value(text: str, names: bool) -> Any:
    value = DictAction._parse_int_float_bool(text)
    return value if value is None or not names else text


def _is_bracketed(text: str) -> bool:
    return len(text) > 1 and _BRACKETS.get(text[0]) == text[-1]


def _split(text: str) -> list[str]:
    """Cut a text at the commas outside brackets and quotes; a last comma ends the last element."""
    parts: list[str] = []
    begin, quote = 0, ''
    closing: list[str] = []
    for place, char in enumerate(text):
        if quote:
            quote = '' if char == quote else quote
        elif char in _QUOTES and not text[begin:place].strip(' [('):
            quote = char  # an apostrophe inside a word is none
        elif char in _BRACKETS:
            closing.append(_BRACKETS[char])
        elif char in _BRACKETS.values():
            if not closing or closing.pop() != char:
                raise ValueError(f'{char!r} closes nothing in {text!r}. Fix: match the brackets, or quote the text')
        elif char == ',' and not closing:
            parts.append(text[begin:place])
            begin = place + 1
    if closing or quote:
        raise ValueError(f'{(quote or closing[-1])!r} is missing in {text!r}. Fix: match the brackets and quotes')
    return [*parts, text[begin:]] if text[begin:].strip() else parts

"""Completion scripts for shells, made from the tree of subcommands and their parsers."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from mmseg_plugins.cli.arguments import CONFIG_HELP
from mmseg_plugins.cli.frame import Command, parser_of


@dataclass
class Node:
    """What may follow a path of commands.

    Attributes:
        words: Subcommands, or options.
        choices: Option -> its words.
        configs: Whether names of configs may follow.
    """

    words: list[str] = field(default_factory=list)
    choices: dict[str, list[str]] = field(default_factory=dict)
    configs: bool = False


def collect(commands: Sequence[Command], path: tuple[str, ...] = ()) -> dict[tuple[str, ...], Node]:
    """Path of commands -> what may follow; the empty path is the command itself."""
    nodes = {path: Node(words=[command.name for command in commands])}
    for command in commands:
        below = (*path, command.name)
        if command.children:
            nodes.update(collect(command.children, below))
            continue
        parser, _ = parser_of(command, ' '.join(below))
        node = nodes[below] = Node(words=parser.option_words())
        for action in parser._actions:
            if action.choices and action.option_strings:
                node.choices.update({word: list(map(str, action.choices)) for word in action.option_strings})
            elif action.choices:
                node.words += map(str, action.choices)
            elif not action.option_strings and CONFIG_HELP in (action.help or ''):
                node.configs = True
    return nodes


def _config_names() -> list[str]:
    from mmseg_plugins.config.paths import iter_configs
    from mmseg_plugins.config.shipped import shipped_models

    return [*shipped_models(), *(path.stem for path in iter_configs())]


def bash(prog: str, nodes: Mapping[tuple[str, ...], Node]) -> str:
    """A bash function and its registration."""
    function = '_' + prog.replace('-', '_')
    paths = '|'.join(shlex.quote(' '.join(('', *path))) for path in nodes if path)
    words = [f'    {shlex.quote(" ".join(("", *path)))}) words={shlex.quote(" ".join(node.words))} ;;'
             for path, node in nodes.items()]
    choices = [f'    {shlex.quote(" ".join(("", *path, option)))}) words={shlex.quote(" ".join(values))} ;;'
               for path, node in nodes.items() for option, values in node.choices.items()]
    configs = '|'.join(shlex.quote(' '.join(('', *path))) for path, node in nodes.items() if node.configs)
    return '\n'.join([
        f'{function}() {{',
        '  local cur="${COMP_WORDS[COMP_CWORD]}" prev="${COMP_WORDS[COMP_CWORD-1]}" path="" word words=""',
        '  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do',
        f'    case "$path $word" in {paths}) path="$path $word" ;; esac',
        '  done',
        '  case "$path" in', *words, '  esac',
        f'  case "$path" in {configs}) [[ "$cur" == -* ]] || words="$words {" ".join(_config_names())}" ;; esac',
        '  case "$path $prev" in', *choices, '  esac',
        '  COMPREPLY=($(compgen -W "$words" -- "$cur") $(compgen -f -- "$cur"))',
        '}',
        f'complete -o filenames -F {function} {prog}',
    ])


def zsh(prog: str, nodes: Mapping[tuple[str, ...], Node]) -> str:
    """The bash function under zsh's own emulation of bash completion."""
    return 'autoload -Uz compinit bashcompinit && compinit && bashcompinit\n' + bash(prog, nodes)


def fish(prog: str, nodes: Mapping[tuple[str, ...], Node]) -> str:
    """One ``complete`` line per command and per option."""
    lines = []
    for path, node in nodes.items():
        seen = ' ; and '.join(f'__fish_seen_subcommand_from {name}' for name in path) or '__fish_use_subcommand'
        for word in node.words:
            if not word.startswith('--'):
                lines.append(f'complete -c {prog} -n {shlex.quote(seen)} -f -a {shlex.quote(word)}')
                continue
            values = node.choices.get(word)
            follows = f' -x -a {shlex.quote(" ".join(values))}' if values else ''
            lines.append(f'complete -c {prog} -n {shlex.quote(seen)} -l {word[2:]}{follows}')
        if node.configs:
            names = shlex.quote(' '.join(_config_names()))
            lines.append(f'complete -c {prog} -n {shlex.quote(seen)} -a {names}')
    return '\n'.join(lines)


SCRIPTS: dict[str, Callable[[str, Mapping[tuple[str, ...], Node]], str]] = {'bash': bash, 'zsh': zsh, 'fish': fish}

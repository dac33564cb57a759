"""Print a script that completes mmseg-plugins in your shell: commands, options, choices, names of configs, files.

    eval "$(mmseg-plugins completion bash)"          # in ~/.bashrc
    eval "$(mmseg-plugins completion zsh)"           # in ~/.zshrc
    mmseg-plugins completion fish | source           # in ~/.config/fish/config.fish
"""

from __future__ import annotations

import argparse

from mmseg_plugins.cli.frame import DONE, Parser


def add_arguments(parser: Parser) -> None:
    parser.add_argument('shell', choices=('bash', 'zsh', 'fish'))


def run(args: argparse.Namespace) -> int:
    from mmseg_plugins.cli.completion_scripts import SCRIPTS, collect
    from mmseg_plugins.cli.main import COMMANDS, PROG

    print(SCRIPTS[args.shell](PROG, collect(COMMANDS)))
    return DONE

"""Strict translation of state dicts by a table of rules.

Every key of the original must be claimed by exactly one rule; what no rule claims is an error, not a warning, and so is
a result that does not match the module key for key.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from torch import Tensor

from mmseg_plugins.utils.errors import UserError

#: The last part of a key: of a layer without running statistics, and of any convolution or batch norm.
PARAM = r'(?P<param>weight|bias)'
NORM_PARAM = r'(?P<param>weight|bias|running_mean|running_var|num_batches_tracked)'
#: What DataParallel puts in front of every key.
WRAPPED = r'(?:module\.)?'

Tensors = dict[str, Tensor]
Handler = Callable[[re.Match, Tensor], Tensors]



class Rule:
    """One line of the table: a pattern that must match the whole key, and what becomes of it.

    Args:
        pattern: Regular expression.
        handler: A template for ``re.Match.expand`` (the tensor is kept as it is), or a function from the match and the
            tensor to the resulting names and tensors.
    """

    def __init__(self, pattern: str, handler: str | Handler) -> None:
        self.pattern = re.compile(pattern)
        self.handler = handler

    def apply(self, key: str, tensor: Tensor) -> Tensors | None:
        """Translate one entry, or give ``None`` when the key is not this rule's."""
        match = self.pattern.fullmatch(key)
        if match is None:
            return None
        if isinstance(self.handler, str):
            return {match.expand(self.handler): tensor}
        return self.handler(match, tensor)


def convert(state_dict: Mapping[str, Tensor], rules: Iterable[Rule], source: str) -> Tensors:
    """Translate ``state_dict``; ``UserError`` lists keys that no rule, or more than one, claims.

    Args:
        source: What the rules can read, for the message.
    """
    rules = list(rules)
    converted: Tensors = {}
    unknown, doubled = [], []
    for key, tensor in state_dict.items():
        results = [r for r in (rule.apply(key, tensor) for rule in rules) if r is not None]
        if not results:
            unknown.append(key)
            continue
        if len(results) > 1 or converted.keys() & results[0].keys():
            doubled.append(key)
        converted.update(results[0])
    if unknown or doubled:
        raise UserError(
            f'not a checkpoint of {source}' + _listed('keys that no rule knows', unknown) +
            _listed('keys that two rules or two keys lay claim to', doubled))
    return converted


def check_matches(converted: Mapping[str, Tensor], wanted: Mapping[str, Tensor], target: str) -> None:
    """Raise ``UserError`` unless names and shapes are those of ``wanted`` (a module's ``state_dict``)."""
    missing = [k for k in wanted if k not in converted]
    extra = [k for k in converted if k not in wanted]
    shapes = [
        f'{k}: checkpoint {tuple(converted[k].shape)}, model {tuple(wanted[k].shape)}' for k in wanted
        if k in converted and converted[k].shape != wanted[k].shape
    ]
    if missing or extra or shapes:
        raise UserError(
            f'the checkpoint does not fit {target}' + _listed('missing from the checkpoint', missing) +
            _listed('not in the model', extra) + _listed('of another shape', shapes))


def _listed(title: str, keys: list[str]) -> str:
    return f'\n  {title} ({len(keys)}):\n    ' + '\n    '.join(keys) if keys else ''

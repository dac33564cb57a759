"""The one error for what a user can put right: a wrong value, the rule that it breaks, and the fix.

Whatever raises :class:`UserError` promises that its message is enough: the command prints it without a traceback and
exits with status 2.  Any other exception is a fault of the program and shows its traceback.
"""

from __future__ import annotations

from typing import Any, Final

_UNSET: Final = object()


class UserError(ValueError):
    """A mistake of input that its message explains.

    Args:
        problem: What is wrong, as a sentence that names the value, file or option.
        value: The wrong value, shown by ``repr`` in front of the problem; leave it out where the sentence has it.
        rule: What holds instead, without the word "Rule".
        fix: What to do, without the word "Fix".

    Example:
        >>> str(UserError('is no device of this machine', value='cuda:7', rule='there are 0.', fix='--device cpu'))
        "'cuda:7' is no device of this machine Rule: there are 0. Fix: --device cpu"
    """

    def __init__(self, problem: str, *, value: Any = _UNSET, rule: str = '', fix: str = '') -> None:
        self.value = None if value is _UNSET else value
        self.problem, self.rule, self.fix = problem, rule, fix
        message = problem if value is _UNSET else f'{value!r} {problem}'
        for word, text in (('Rule', rule), ('Fix', fix)):
            if text:
                message += ('' if message.endswith('\n') else ' ') + f'{word}: {text}'
        super().__init__(message)

    def __str__(self) -> str:
        return str(self.args[0])  # KeyError, which a subclass also is, would print line breaks as \\n

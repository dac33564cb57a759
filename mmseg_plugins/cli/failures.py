"""What a command prints when it cannot go on."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from mmseg_plugins.utils.errors import UserError

#: Set to 1 to see the whole traceback of mistakes that are explained in one message.
TRACEBACK_VARIABLE = 'MMSEG_PLUGINS_TRACEBACK'

#: Exit status of a mistake of input; a crash is Python's own 1.
REFUSED = 2


def is_explained(error: BaseException) -> bool:
    """Whether the message of an error tells the user everything."""
    return isinstance(error, UserError)


@contextmanager
def explain_failures() -> Iterator[None]:
    """Turn a failure inside the block into what helps its reader.

    A :class:`UserError` prints its message alone and exits with status 2.  Anything else prints what the doctor finds
    wrong with the installation, then the traceback, and exits with status 1.
    """
    try:
        yield
    except UserError as error:
        if os.environ.get(TRACEBACK_VARIABLE) == '1':
            traceback.print_exception(error)
        print(f'\nerror: {error}', file=sys.stderr)
        raise SystemExit(REFUSED) from error
    except Exception as error:
        if os.environ.get('LOCAL_RANK', '0') == '0':
            from mmseg_plugins.utils.doctor import diagnose

            problems = diagnose().text(problems_only=True)
            if problems:
                print(problems, file=sys.stderr)
        traceback.print_exception(error)
        raise SystemExit(1) from error

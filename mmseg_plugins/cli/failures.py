"""What a tool prints when it cannot go on."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

#: Set to 1 to see the whole traceback of mistakes that are explained in one message.
TRACEBACK_VARIABLE = 'MMSEG_PLUGINS_TRACEBACK'


def is_explained(error: BaseException) -> bool:
    """Whether the message of an error tells the user everything: ``explains_itself = True``, or a missing file."""
    return bool(getattr(error, 'explains_itself', False)) or isinstance(error, FileNotFoundError)


@contextmanager
def explain_failures() -> Iterator[None]:
    """Turn a failure inside the block into a message with its fix and exit status 1.

    A mistake of input (an error class with ``explains_itself = True``, or a
    missing file) prints its message alone.  Anything else prints what the
    doctor finds wrong with the installation, then the traceback.
    """
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        raise
    except Exception as error:
        if is_explained(error) and os.environ.get(TRACEBACK_VARIABLE) != '1':
            print(f'\nerror: {error}', file=sys.stderr)
        else:
            if os.environ.get('LOCAL_RANK', '0') == '0':
                from mmseg_plugins.utils.doctor import diagnose

                problems = diagnose().text(problems_only=True)
                if problems:
                    print(problems, file=sys.stderr)
            traceback.print_exception(error)
        raise SystemExit(1) from error

"""The text of a config, formatted once for all who write it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from mmengine.config import config as config_module
from yapf.yapflib import yapf_api

_yapf = yapf_api.FormatCode


@lru_cache(maxsize=16)
def _format(text: str, style: tuple[tuple[str, Any], ...], options: tuple[tuple[str, Any], ...]) -> Any:
    return _yapf(text, style_config=dict(style), **dict(options))


def _remembered(text: str, style_config: dict[str, Any], **options: Any) -> Any:
    return _format(text, tuple(style_config.items()), tuple(options.items()))


@contextmanager
def formatted_once() -> Iterator[None]:
    """Within it ``Config.pretty_text`` formats each text once in a process.

    A run asks for its config's text five times: for the log, its own copy, the checkpoints, the visualizer and the
    report.  yapf takes a quarter to half a second each time.  Outside everything is as before.
    """
    places: list[Any] = [yapf_api, config_module]  # the second has a name of its own in stock mmengine
    before = {place: place.FormatCode for place in places if hasattr(place, 'FormatCode')}
    for place in before:
        place.FormatCode = _remembered
    try:
        yield
    finally:
        for place, function in before.items():
            place.FormatCode = function

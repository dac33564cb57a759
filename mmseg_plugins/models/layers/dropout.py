"""Dropout of single values or of whole maps."""

from __future__ import annotations

from torch import nn

DROPOUTS: dict[str, type[nn.Module]] = {'element': nn.Dropout, 'channel': nn.Dropout2d}


def build_dropout(kind: str, share: float, argument: str) -> nn.Module:
    """``element``: single values, as Caffe and Lasagne; ``channel``: whole maps, as many ports.

    Args:
        share: Of the values or maps that are dropped.
        argument: Whose value ``kind`` is, for the message.

    Raises:
        ValueError: no such kind.
    """
    if kind not in DROPOUTS:
        raise ValueError(f'{argument}={kind!r} must be one of {sorted(DROPOUTS)}')
    return DROPOUTS[kind](share)

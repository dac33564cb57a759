"""YAML texts: our metafiles, and what other tools write."""

from __future__ import annotations

from typing import Any


def read_yaml(text: str) -> Any:
    """What a YAML text says, as ``yaml.safe_load`` reads it, by the parser in C where PyYAML was built with it.

    It is ten times faster: the metafiles of all systems take 0.05 s rather than 0.55 s.

    Raises:
        yaml.YAMLError: the text is no YAML.
    """
    import yaml  # here: the shell's completion reads names alone

    return yaml.load(text, Loader=getattr(yaml, 'CSafeLoader', yaml.SafeLoader))

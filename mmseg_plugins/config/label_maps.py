"""Own classes in a host's data set of label maps."""

from __future__ import annotations

import inspect
from typing import Any

from mmengine.registry import DATASETS

from mmseg_plugins.config.marks import MAP_OPTIONS


def take_foreign_classes(leaf: Any, scope: str) -> None:
    """Let a data set read label maps of other classes than those of its type, in place.

    mmseg's types with fixed classes renumber the labels by name, and a name that they do not know makes its pixels
    void.  Such a type becomes ``BaseSegDataset`` with its suffixes; a choice of its own classes stays.  0 stays a
    class unless ``reduce_zero_label`` asks otherwise.
    """
    with DATASETS.switch_scope_and_registry(scope) as registry:
        cls = registry.get(str(leaf.get('type')))
    known = (getattr(cls, 'METAINFO', None) or {}).get('classes')
    if cls is None or not known or set(leaf['metainfo']['classes']) <= set(known):
        return
    parameters = inspect.signature(cls.__init__).parameters
    for key in MAP_OPTIONS[:2]:
        if key not in leaf and key in parameters and parameters[key].default is not inspect.Parameter.empty:
            leaf[key] = parameters[key].default
    leaf['type'] = 'mmseg.BaseSegDataset'
    for transform in leaf.get('pipeline') or ():
        if 'reduce_zero_label' in transform:  # of a host's data; the data set tells the step
            transform['reduce_zero_label'] = bool(leaf.get('reduce_zero_label', False))

"""Own classes in a host's data set of label maps."""

from __future__ import annotations

import inspect
import logging
from typing import Any

from mmengine.logging import print_log
from mmengine.registry import DATASETS

from mmseg_plugins.config.marks import MAP_OPTIONS


def take_foreign_classes(leaf: Any, scope: str, moved: bool) -> None:
    """Let a data set read label maps of other classes than those of its type, in place.

    mmseg's types with fixed classes renumber the labels by name, and a name that they do not know makes its pixels
    void.  Such a type becomes ``BaseSegDataset`` with its suffixes: label i of the maps is class i.  A choice of the
    type's own classes stays with the type where the data is the type's, too.  0 stays a class unless
    ``reduce_zero_label`` asks otherwise.

    Args:
        scope: Of the data set's type.
        moved: Whether the images are others than those of the file that chose the type.
    """
    with DATASETS.switch_scope_and_registry(scope) as registry:
        cls = registry.get(str(leaf.get('type')))
    known = (getattr(cls, 'METAINFO', None) or {}).get('classes')
    classes = tuple(leaf['metainfo']['classes'])
    if cls is None or not known or classes == tuple(known) or (set(classes) <= set(known) and not moved):
        return
    if set(classes) <= set(known):
        print_log(f'classes = {classes!r} are known to {leaf["type"]}, but the data is your own: label 0 of the maps '
                  f'is {classes[0]!r}. For maps with the numbers of {leaf["type"]} write its type in your loaders.',
                  'current', logging.WARNING)
    parameters = inspect.signature(cls.__init__).parameters
    for key in MAP_OPTIONS[:2]:
        if key not in leaf and key in parameters and parameters[key].default is not inspect.Parameter.empty:
            leaf[key] = parameters[key].default
    leaf['type'] = 'mmseg.BaseSegDataset'
    for transform in leaf.get('pipeline') or ():
        if 'reduce_zero_label' in transform:  # of a host's data; the data set tells the step
            transform['reduce_zero_label'] = bool(leaf.get('reduce_zero_label', False))

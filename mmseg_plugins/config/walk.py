"""Walking over configs: data sets inside wrappers, class numbers of heads, keys by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

#: Parts of a model whose ``num_classes`` counts something else than the data set's classes.
FOREIGN_PARTS = ('backbone', 'rpn_head', 'semantic_head', 'train_cfg', 'test_cfg', 'data_preprocessor', 'teacher')


@dataclass(frozen=True)
class ClassNumber:
    """A number in a model config that must follow the classes of the data.

    Attributes:
        path: Where it stands: ``model.roi_head.bbox_head.num_classes``.
        counts: ``'all'`` classes, ``'things'`` or ``'stuff'``, or the ``'weights'`` of a query loss.
        value: The number.
        owner: The head's config that holds it.
    """

    path: str
    counts: str
    value: int
    owner: Any


def class_numbers(model: Any, path: str = 'model') -> Iterator[ClassNumber]:
    """Every class number in the heads of a model config, also in lists (cascades).

    Left out are :data:`FOREIGN_PARTS`, heads with ``class_agnostic=True``, whose outputs do not depend on it, and the
    decode head next to a ``classifier`` (``DecoupledNet``), which tells foreground from background.
    """
    if isinstance(model, (list, tuple)):
        for i, item in enumerate(model):
            yield from class_numbers(item, f'{path}[{i}]')
    elif isinstance(model, Mapping):
        for key, value in model.items():
            here = f'{path}.{key}'
            if key in FOREIGN_PARTS or (key == 'decode_head' and 'classifier' in model):
                continue
            if not isinstance(value, int):
                yield from class_numbers(value, here)
            elif key == 'num_classes' and not model.get('class_agnostic', False):
                yield ClassNumber(here, 'all', value, model)
            elif key in ('num_things_classes', 'num_stuff_classes'):
                yield ClassNumber(here, key.split('_')[1], value, model)
        yield from _query_weights(model, path)


def _query_weights(model: Mapping[str, Any], path: str) -> Iterator[ClassNumber]:
    """Mask2Former weighs each class and 'no object'; the list is easily forgotten."""
    loss = model.get('loss_cls')
    weights = loss.get('class_weight') if isinstance(loss, Mapping) else None
    if 'num_things_classes' in model and isinstance(weights, (list, tuple)):
        yield ClassNumber(f'{path}.loss_cls.class_weight', 'weights', len(weights), model)


def set_num_classes(model: Any, num_classes: int, stuff: int = 0) -> None:
    """Set the number of classes in every head of a model config, in place.

    Args:
        model: The config.
        num_classes: Of things and stuff together.
        stuff: How many of them are stuff; Mask2Former counts the two apart and weighs the 'no object' class last.
    """
    for number in list(class_numbers(model)):
        head = number.owner
        if number.counts == 'weights':
            head['loss_cls']['class_weight'] = [1.0] * num_classes + [head['loss_cls']['class_weight'][-1]]
        elif number.counts == 'all':
            head['num_classes'] = num_classes - (0 if 'decode_head' in model else stuff)
        else:
            head['num_things_classes'], head['num_stuff_classes'] = num_classes - stuff, stuff


def leaf_datasets(dataset: Any) -> Iterator[Any]:
    """The data set configs inside wrappers (repeat, concat, class-balanced, multi-image mix)."""
    return (leaf for _, leaf in named_datasets(dataset, ''))


def named_datasets(dataset: Any, name: str) -> Iterator[tuple[str, Any]]:
    """:func:`leaf_datasets` with their places: ``name[1]`` is the second of a concatenation."""
    if isinstance(dataset, (list, tuple)):
        for i, item in enumerate(dataset):
            yield from named_datasets(item, f'{name}[{i}]' if len(dataset) > 1 else name)
    elif isinstance(dataset, Mapping):
        inner = dataset.get('datasets', dataset.get('dataset'))
        if inner is not None:
            yield from named_datasets(inner, name)
        else:
            yield name, dataset


def base_datasets(dataset: Any) -> Iterator[Any]:
    """The same of a data set that is built: those inside wrappers, each once."""
    if hasattr(dataset, 'datasets'):
        for item in dataset.datasets:
            yield from base_datasets(item)
    elif hasattr(dataset, 'dataset'):
        yield from base_datasets(dataset.dataset)
    else:
        yield dataset


def shares_labels(dataset: Any) -> bool:
    """Whether a data set's config is a ``LabelShare``, whose parts may be images without labels."""
    return isinstance(dataset, Mapping) and str(dataset.get('type')).rsplit('.', 1)[-1] == 'LabelShare'


def labeled_datasets(dataset: Any) -> Iterator[Any]:
    """Of a built data set what :func:`base_datasets` gives, without the unlabeled parts of a ``LabelShare``."""
    yield from base_datasets(getattr(dataset, 'labeled_part', dataset))


def first_of(transforms: Any, key: str) -> Any:
    """The value of ``key`` in the first transform that has it, nested ones included; None if none has."""
    if isinstance(transforms, Mapping):
        if key in transforms:
            return transforms[key]
        transforms = list(transforms.values())
    if isinstance(transforms, (list, tuple)):
        for item in transforms:
            if isinstance(item, (Mapping, list, tuple)):
                found = first_of(item, key)
                if found is not None:
                    return found
    return None


def places_of(node: Any, name: str, prefix: str = '') -> Iterator[str]:
    """Dotted keys below a config that end in ``name``."""
    items = node.items() if hasattr(node, 'items') else enumerate(node) if isinstance(node, (list, tuple)) else ()
    for key, value in items:
        if key == name:
            yield f'{prefix}{key}'
        yield from places_of(value, name, f'{prefix}{key}.')


def make_plain(config: Any) -> None:
    """Make texts of paths (``pathlib``) and forget what a config file imports or defines besides, in place.

    mmengine forgets modules and functions; a class, such as ``Path`` itself, would break the printed config.
    """
    for key in [key for key, value in config.items() if isinstance(value, type) or callable(value)]:
        del config[key]
    _paths_as_text(config)


def _paths_as_text(node: Any) -> Any:
    if isinstance(node, PurePath):
        return str(node)
    if isinstance(node, dict):
        for key, value in node.items():
            changed = _paths_as_text(value)
            if changed is not value:
                node[key] = changed
    elif isinstance(node, (list, tuple)):
        items = [_paths_as_text(item) for item in node]
        if any(new is not old for new, old in zip(items, node, strict=True)):
            return type(node)(items)
    return node


def forget_own_scope(node: Any) -> None:
    """Take mmengine's mark ``_scope_='mmseg_plugins'`` off a config, in place.

    mmengine puts it on what a child changes of a base read as ``mmseg_plugins::...``.  Types of the hosts would then be
    looked for in this package's scope alone.  Ours carry their prefix, and the hosts' are found by ``default_scope``.
    """
    if isinstance(node, dict):
        if node.get('_scope_') == 'mmseg_plugins':
            del node['_scope_']
        for value in node.values():
            forget_own_scope(value)
    elif isinstance(node, (list, tuple)):
        for item in node:
            forget_own_scope(item)

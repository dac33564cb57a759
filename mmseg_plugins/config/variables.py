"""What data a config means: the one place where variables, loaders and evaluators are brought together.

A config describes its data by a few variables (:data:`DATA_VARIABLES`).  They fill what nobody wrote.  What a file
writes into a loader or an evaluator wins over variables of the files that it inherits; a variable wins over what the
files below it wrote.  Where one and the same file (or the command line) writes both, and they differ, that is an error.
``docs/your_data.md`` explains the rule to users.
"""

from __future__ import annotations

import copy
import os
from typing import Any

from mmengine.config import Config
from mmengine.logging import print_log

from mmseg_plugins.config.classes import class_list, read_classes
from mmseg_plugins.config.file_variables import Layers
from mmseg_plugins.config.label_maps import take_foreign_classes
from mmseg_plugins.config.marks import DATA_VARIABLES, MAP_OPTIONS, remove_marks, writer
from mmseg_plugins.config.walk import leaf_datasets, set_num_classes, shares_labels
from mmseg_plugins.utils.errors import UserError

#: What ``test`` says where :func:`test_is_validation`.
NO_TEST_SET = ('The validation set is tested: the config names no test set of its own (test_ann_file, test_img_prefix, '
               'test_seg_prefix). Settings that were chosen on it make its score too high.')

SPLITS = ('train', 'val', 'test')


def resolve_data_variables(cfg: Config, layers: Layers | None = None) -> Config:
    """Write the data variables into loaders, evaluators and heads where no nearer file wrote, in place.

    ``classes=None`` reads the names from the training JSON, in the order in which mmdet labels them.  A list of
    annotation files becomes a concatenation.

    Args:
        cfg: A config with the marks of its files.
        layers: The files; without them every key that is there counts as written.

    Raises:
        UserError: a file writes a variable and the key that it fills, with different values.
    """
    known = layers or Layers(())
    root = _root_of_hosts(cfg)
    _Resolver(cfg, known).run()
    if root is not None and known.assigner('data_root') is not None:
        _move_evaluators(cfg, root, str(cfg.data_root))
    if layers is not None:
        remove_marks(cfg._cfg_dict)
    return cfg


def uses_data_variables(cfg: Config) -> bool:
    """Whether the config descends from one of our dataset bases."""
    return 'train_ann_file' in cfg and 'data_root' in cfg


def metrics_of(evaluator: Any) -> list[Any]:
    """The metrics of an evaluator, be it one, a list, or none."""
    return [metric for metric in (evaluator if isinstance(evaluator, (list, tuple)) else [evaluator]) if metric]


def test_is_validation(cfg: Config) -> bool:
    """Whether the test loader reads the images and annotations of the validation loader."""
    places = [[(leaf.get('data_root'), leaf.get('ann_file'), dict(leaf.get('data_prefix') or {}))
               for leaf in leaf_datasets(_dataset(cfg, split))] for split in ('val', 'test')]
    return bool(places[0]) and places[0] == places[1]


class _Resolver:
    """One resolution; ``run`` changes the config."""

    def __init__(self, cfg: Config, layers: Layers) -> None:
        self.cfg, self.layers = cfg, layers
        self.class_file: str | None = None  # that the variable names

    def run(self) -> None:
        self._read_class_list()
        if not self.layers.files and not any(self._is_declared(name) for name in DATA_VARIABLES):
            return
        before = {split: [_joined(leaf) for leaf in leaf_datasets(_dataset(self.cfg, split))] for split in SPLITS}
        for split in SPLITS:
            leaves = list(leaf_datasets(_dataset(self.cfg, split)))
            shares = shares_labels(_dataset(self.cfg, split))
            for leaf in leaves:
                if shares and not (leaf.get('data_prefix') or {}).get('seg_map_path'):
                    self._fill_unlabeled(leaf)
                else:
                    self._fill_files(leaf, split, 1 if shares else len(leaves))
        for split in SPLITS:
            for leaf in leaf_datasets(_dataset(self.cfg, split)):
                _open_lists_of_one(leaf)
        self._fill_classes()
        for split in ('val', 'test'):
            self._fill_evaluator(split, before[split])
        for split in SPLITS:
            for leaf in list(leaf_datasets(_dataset(self.cfg, split))):
                self._concatenate(leaf, split)

    def _is_declared(self, name: str) -> bool:
        return name in self.cfg and (self.layers.assigner(name) is not None or not self.layers.files)

    def _variable(self, split: str, what: str) -> tuple[str, bool] | None:
        """The variable that a split's key follows, and whether that is the validation set's for want of its own."""
        own, other = f'{split}_{what}', f'val_{what}'
        if self._is_declared(own) and not (split == 'test' and self._is_declared(other) and self.layers.is_nearer(
                self.layers.assigner(other), self.layers.assigner(own))):
            return own, False
        return (other, True) if split == 'test' and self._is_declared(other) else None

    def _fill_files(self, leaf: Any, split: str, parts: int) -> None:
        where = f'{split}_dataloader.dataset'
        if self._is_declared('data_root'):
            self._fill(leaf, 'data_root', 'data_root', f'{where}.data_root')
        variable = self._variable(split, 'ann_file')
        if variable:
            self._fill(leaf, 'ann_file', variable[0], f'{where}.ann_file', variable[1], parts)
        image, maps = prefix_keys(leaf)
        for option in MAP_OPTIONS if image == 'img_path' else ():
            if self._is_declared(option):
                self._fill(leaf, option, option, f'{where}.{option}')
        for key, what in ((image, 'img_prefix'), (maps, 'seg_prefix')):
            variable = self._variable(split, what)
            if variable and key:
                prefixes = leaf.setdefault('data_prefix', type(leaf)())
                self._fill(prefixes, key, variable[0], f'{where}.data_prefix.{key}', variable[1], parts)

    def _fill_unlabeled(self, leaf: Any) -> None:
        """Images without maps: of a folder and a list of their own, else of the training's folder."""
        where = 'train_dataloader.dataset'
        for name in ('data_root', *MAP_OPTIONS):
            if self._is_declared(name):
                self._fill(leaf, name, name, f'{where}.{name}')
        own, other = 'unlabeled_img_prefix', 'train_img_prefix'
        name = own if self._is_declared(own) else other
        if self._is_declared(name):
            prefixes = leaf.setdefault('data_prefix', type(leaf)())
            self._fill(prefixes, 'img_path', name, f'{where}.data_prefix.img_path', name == other)
        if self._is_declared('unlabeled_ann_file'):
            self._fill(leaf, 'ann_file', 'unlabeled_ann_file', f'{where}.ann_file')

    def _fill(self, node: Any, key: str, name: str, place: str, fallback: bool = False, parts: int = 1) -> None:
        value = self.cfg[name]
        if key not in node:
            node[key] = value
            return
        if _same(node[key], value) or not self.layers.files:
            return
        wrote, declared = writer(node, key), self.layers.assigner(name)
        if self.layers.is_nearer(declared, wrote):
            if parts > 1 and key != 'data_root':
                raise UserError(f'{self.layers.named(declared)} has {name} = {value!r}, and {place.split(".")[0]} has '
                                f'{parts} parts with files of their own.',
                                fix=f'write {place.split(".")[0]} in that file, or inherit a base with one data set.')
            node[key] = value
        elif not (fallback or self.layers.is_nearer(wrote, declared) or self.cfg.get('data_variables_resolved')):
            raise UserError(
                f'{self.layers.named(declared)} has {name} = {value!r}, and {self.layers.named(wrote)} has '
                f'{place} = {node[key]!r}.',
                rule='a key and the variable that fills it must not differ in one place.',
                fix=f'leave out {name} or {place}.')

    def _read_class_list(self) -> None:
        for name in ('classes', 'thing_classes', 'stuff_classes'):
            if isinstance(self.cfg.get(name), (set, frozenset)):
                raise UserError(f'{name} = {self.cfg[name]!r} is a set, whose order differs from run to run.',
                                rule='label i is class i.', fix=f'{name} = ({", ".join(map(repr, self.cfg[name]))},)')
        classes = self.cfg.get('classes')
        if isinstance(classes, str):
            self.class_file = classes
            names, colors = class_list(classes, str(self.cfg.get('data_root') or ''))
            self.cfg['classes'] = names
            if colors and not self.cfg.get('palette'):
                self.cfg['palette'] = colors

    def _fill_classes(self) -> None:
        stuff = tuple(self.cfg.get('stuff_classes') or ())
        name = 'thing_classes' if self._is_declared('thing_classes') else 'classes'
        if not self._is_declared(name):
            return
        declared = self.layers.assigner(name)
        first = next(leaf_datasets(_dataset(self.cfg, 'train')), None)
        names = self.cfg.get(name)
        if names is None and first is not None:
            names = _names_in(first)
        names = names if names is None or name == 'classes' else (*names, *stuff)
        self._drop_unread_classes()
        for split in SPLITS:
            for leaf in leaf_datasets(_dataset(self.cfg, split)):
                meta = leaf.get('metainfo') or {}
                wrote = writer(meta, 'classes')
                if names is None or ('classes' in meta and self._keeps(wrote, declared, meta['classes'], names)):
                    continue
                leaf['metainfo'] = self._metainfo(meta, tuple(names), name, stuff)
                if prefix_keys(leaf)[0] == 'img_path':
                    take_foreign_classes(leaf, self.cfg.get('default_scope') or 'mmseg', self._is_moved(leaf, split))
        meta = (first.get('metainfo') if first is not None else None) or {}
        names = meta.get('classes', names)
        if names is not None and not isinstance(names, str) and 'model' in self.cfg:
            background = first is not None and str(first.get('type')).endswith('CocoSemanticDataset')
            set_num_classes(self.cfg.model, len(names) + background, len(meta.get('stuff_classes') or ()))

    def _is_moved(self, leaf: Any, split: str) -> bool:
        """Whether images or maps of a data set were given nearer than its type."""
        chosen, prefixes = writer(leaf, 'type'), leaf.get('data_prefix') or {}
        followed = [self._variable(split, what) for what in ('img_prefix', 'seg_prefix')]
        names = [name for name, _ in filter(None, followed)] + ['data_root'] * self._is_declared('data_root')
        places = [self.layers.assigner(name) for name in names]
        places += [writer(leaf, 'data_root'), *(writer(prefixes, key) for key in prefix_keys(leaf) if key)]
        return any(self.layers.is_nearer(place, chosen) for place in places)

    def _drop_unread_classes(self) -> None:
        """Take out ``metainfo.classes`` that is a copy of the variable: None, or the name of a file that was read."""
        for split in SPLITS:
            for leaf in leaf_datasets(_dataset(self.cfg, split)):
                meta = leaf.get('metainfo') or {}
                if 'classes' in meta and meta['classes'] in (None, self.class_file):
                    leaf['metainfo'] = {key: value for key, value in meta.items() if key != 'classes'}

    def _metainfo(self, meta: Any, names: tuple[str, ...], name: str, stuff: tuple[str, ...]) -> dict[str, Any]:
        filled = dict(meta, classes=names)
        if name == 'thing_classes':
            filled.update(thing_classes=tuple(self.cfg[name]), stuff_classes=stuff)
        if self.cfg.get('palette'):
            filled['palette'] = [tuple(color) for color in self.cfg['palette']]
        elif len(meta.get('palette') or names) != len(names):
            del filled['palette']
        return filled

    def _keeps(self, wrote: int | None, declared: int | None, there: Any, names: Any) -> bool:
        """Whether the classes in a loader stay."""
        if not self.layers.files or names is None or self.layers.is_nearer(wrote, declared):
            return True
        if wrote == declared and tuple(there) != tuple(names) and self.cfg.get('classes') is not None:
            raise UserError(f'{self.layers.named(wrote)} has classes = {tuple(names)!r}, and metainfo.classes = '
                            f'{tuple(there)!r} in a loader.', fix='leave out one of them.')
        return False

    def _fill_evaluator(self, split: str, before: list[str | None]) -> None:
        """Metrics with an annotation file read that of their loader, unless a file as near as the loader's wrote it."""
        leaves = list(leaf_datasets(_dataset(self.cfg, split)))
        if not leaves:
            return
        self._drop_instances_of_others(split, leaves[0])
        for metric in metrics_of(self.cfg.get(f'{split}_evaluator')):
            if 'ann_file' not in metric or metric['ann_file'] is None:
                continue
            if len(leaves) > 1 or isinstance(leaves[0].get('ann_file'), (list, tuple)):
                raise UserError(
                    f'{split}_evaluator: {metric.get("type")} reads one annotation file, the {split} set has '
                    f'{max(len(leaves), len(leaves[0].get("ann_file") or ()))}.',
                    fix='merge the JSON files, or take a metric without ann_file.')
            if self._follows(metric, leaves[0], split, before):
                metric['ann_file'] = _joined(leaves[0])
                maps = (leaves[0].get('data_prefix') or {}).get('seg')
                if 'seg_prefix' in metric and maps is not None:
                    metric['seg_prefix'] = os.path.join(str(leaves[0].get('data_root') or ''), maps)

    def _drop_instances_of_others(self, split: str, leaf: Any) -> None:
        """Take out a base's metric of boxes and masks, whose JSON is not that of the panoptic data declared here."""
        evaluator = self.cfg.get(f'{split}_evaluator')
        variable = self._variable(split, 'ann_file')
        if 'seg' not in (leaf.get('data_prefix') or {}) or not isinstance(evaluator, list) or variable is None:
            return
        declared = self.layers.assigner(variable[0])
        foreign = [metric for metric in evaluator if 'seg_prefix' not in metric and metric.get('ann_file')
                   and self.layers.is_nearer(declared, writer(metric, 'ann_file'))]
        for metric in foreign:
            print_log(f'{split}_evaluator: {metric["type"]} is left out, {metric["ann_file"]} belongs to the data of a '
                      f'base. To have it, write {split}_evaluator', 'current')
        self.cfg[f'{split}_evaluator'] = [metric for metric in evaluator if metric not in foreign]

    def _follows(self, metric: Any, leaf: Any, split: str, before: list[str | None]) -> bool:
        panoptic, joined = 'seg' in (leaf.get('data_prefix') or {}), _joined(leaf)
        if joined is None or (panoptic and 'seg_prefix' not in metric):
            return False
        if not self.layers.files:
            return False
        wrote = writer(metric, 'ann_file')
        if wrote == -1:
            return False
        variable = self._variable(split, 'ann_file')
        sources = [writer(leaf, 'ann_file'), writer(leaf, 'data_root'), self.layers.assigner('data_root'),
                   self.layers.assigner(variable[0]) if variable else None]
        return any(self.layers.is_nearer(source, wrote) for source in sources) or metric['ann_file'] in before

    def _concatenate(self, leaf: Any, split: str) -> None:
        """Make one data set for each annotation file, or each folder, of a list."""
        prefixes = dict(leaf.get('data_prefix') or {})
        named = {'annotation files': leaf.get('ann_file'), **{f'folders ({key})': prefixes[key] for key in prefixes}}
        lists = {name: value for name, value in named.items() if isinstance(value, (list, tuple))}
        if not lists:
            return
        wrong = next((item for value in lists.values() for item in value if not isinstance(item, str)), None)
        if wrong is not None:
            raise UserError(f'{split}: {wrong!r} in a list of files or folders.', rule='each is a text.',
                            fix='one flat list of names.')
        count = len(next(iter(lists.values())))
        other = next((name for name, value in lists.items() if len(value) != count), None)
        if other is not None or not count:
            first = next(iter(lists))
            raise UserError(f'{split}: {count} {first}' + (f' and {len(lists[other])} {other}.' if other else '.'),
                            fix='one folder for all of them, or one for each.' if other else 'name one at least.')
        parts = []
        for i in range(count):
            part = copy.deepcopy(leaf)
            if 'annotation files' in lists:
                part['ann_file'] = lists['annotation files'][i]
            part['data_prefix'] = {
                key: value[i] if isinstance(value, (list, tuple)) else value for key, value in prefixes.items()}
            parts.append(part)
        leaf.clear()
        leaf.update(type='ConcatDataset', datasets=parts)


def _open_lists_of_one(leaf: Any) -> None:
    """Where all lists of files and folders have one element, that element takes the list's place."""
    prefixes = leaf.get('data_prefix') or {}
    lists = [(node, key) for node, keys in ((leaf, ('ann_file',)), (prefixes, tuple(prefixes))) for key in keys
             if isinstance(node.get(key), (list, tuple))]
    if all(len(node[key]) == 1 and isinstance(node[key][0], str) for node, key in lists):
        for node, key in lists:
            node[key] = node[key][0]


def prefix_keys(leaf: Any) -> tuple[str, str | None]:
    """The keys of ``data_prefix`` that hold the folder of the images and that of the maps (None without maps)."""
    prefixes = leaf.get('data_prefix') or {}
    if 'img_path' in prefixes or 'seg_map_path' in prefixes:
        return 'img_path', 'seg_map_path'
    return 'img', 'seg' if 'seg' in prefixes or 'Panoptic' in str(leaf.get('type')) else None


def move_data_root(cfg: Config, new_root: str) -> None:
    """For host configs: replace the file's own ``data_root`` wherever it was copied."""
    old_root = cfg.get('data_root')
    if old_root is None:
        raise UserError(
            f'data_root={new_root} was given, but this config has no data_root to replace.',
            fix='name the key itself, e.g. train_dataloader.dataset.data_root=...',
        )
    for key in list(cfg.keys()):
        cfg[key] = _moved(cfg[key], old_root, os.path.join(new_root, ''))


def _moved(value: Any, old_root: str, new_root: str) -> Any:
    if isinstance(value, dict):
        for key in value:
            if writer(value, key) is None:  # what the user's file wrote stays
                value[key] = _moved(value[key], old_root, new_root)
    elif isinstance(value, (list, tuple)):
        return type(value)(_moved(item, old_root, new_root) for item in value)
    elif isinstance(value, str) and value.startswith(old_root):
        return new_root + value[len(old_root):]
    return value


def _root_of_hosts(cfg: Config) -> str | None:
    """The ``data_root`` that a host's file wrote into a loader, None when none did."""
    for split in SPLITS:
        for leaf in leaf_datasets(_dataset(cfg, split)):
            if leaf.get('data_root') and writer(leaf, 'data_root') is None:
                return str(leaf['data_root'])
    return None


def _move_evaluators(cfg: Config, old_root: str, new_root: str) -> None:
    for split in ('val', 'test'):
        for metric in metrics_of(cfg.get(f'{split}_evaluator')):
            _moved(metric, old_root, os.path.join(new_root, ''))


def _dataset(cfg: Config, split: str) -> Any:
    return (cfg.get(f'{split}_dataloader') or {}).get('dataset')


def _joined(leaf: Any) -> str | None:
    file = leaf.get('ann_file')
    return os.path.join(str(leaf.get('data_root') or ''), file) if isinstance(file, str) and file else None


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, str) and isinstance(other, str) and one and other:
        return os.path.normpath(one) == os.path.normpath(other)
    return bool(one == other)


def _names_in(leaf: Any) -> tuple[str, ...] | None:
    files = leaf.get('ann_file')
    first = next(iter(files), None) if isinstance(files, (list, tuple)) else files
    path = os.path.join(str(leaf.get('data_root') or ''), first) if first else ''
    return read_classes(path) if path.endswith('.json') and os.path.isfile(path) else None


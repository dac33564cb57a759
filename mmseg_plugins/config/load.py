"""Reading configs: one function for every tool.

``load_config`` reads a file (hosts' configs by ``mmdet::`` / ``mmseg::``), lets the data variables of our dataset bases
reach every place that repeats them (``config/variables.py``), and applies ``--cfg-options``.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.config.utils import MODULE2PACKAGE
from mmengine.logging import print_log
from mmengine.runner import Runner

from mmseg_plugins import setup
from mmseg_plugins.config.file_variables import Layers, assigned_names, is_layered, own_file, read_with
from mmseg_plugins.config.host_metafiles import metafiles_read_once
from mmseg_plugins.config.marks import DATA_VARIABLES, KEYS, ROOTS
from mmseg_plugins.config.paths import resolve_config
from mmseg_plugins.config.renamed import current_path
from mmseg_plugins.config.variables import move_data_root, resolve_data_variables
from mmseg_plugins.config.walk import forget_own_scope, places_of
from mmseg_plugins.utils.compat import installed_version
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.utils.suggest import near_names

#: Top-level names that an option may bring into any config.
OPTIONAL = ('post_process',)

#: Top-level names that act next to the runner's own arguments; all others are read when the file is, and never again.
_ACTING = frozenset((
    'auto_scale_lr', 'compatibility_check', 'custom_imports', 'data_check', 'diff_rank_seed', 'find_unused_parameters',
    'finite_loss', 'padding_check', 'post_process', 'progress', 'run_report', 'runner_type', 'seed', 'sync_bn',
    'tta_model', 'tta_pipeline'))


def find_host_configs() -> None:
    """Let mmengine find ``mmseg_plugins::`` configs, and ``mmseg::`` ones whatever mmseg's distribution is called.

    It looks for the distribution named in its table, ``mmsegmentation``; the maintained line's is called
    ``onedl-mmsegmentation``.  A name that is no distribution is looked up as a module, which is how ``mmdet::``
    works there, so the module's name is entered.  Ours is entered as a module inside the package: of a distribution
    that is installed in editable mode mmengine would look in site-packages, where there is no folder.
    """
    MODULE2PACKAGE['mmseg_plugins'] = 'mmseg_plugins.activate'
    if installed_version(MODULE2PACKAGE['mmseg']) is None:
        MODULE2PACKAGE['mmseg'] = 'mmseg'


@metafiles_read_once()
def load_config(path: str | os.PathLike[str], cfg_options: Mapping[str, Any] | None = None) -> Config:
    """Read a config file and resolve its data variables.

    Args:
        path: A config file, the name of one of ours, ``mmseg_plugins::...``, ``mmdet::...`` or ``mmseg::...``.
        cfg_options: ``{'a.b.c': value}`` as parsed by :class:`~mmseg_plugins.utils.cfg_options.CfgOptions`.
            Data variables among them act everywhere (``data_root=...`` moves
            every loader); so does a variable of the file or of its own bases
            (``max_iters=...``), which is set before the file is read.  All
            others override exactly the key they name.

    Raises:
        UserError: no such file (the message lists near names); the file is not a config, or a variable has the wrong
            type.
    """
    setup()
    options = dict(cfg_options or {})
    path = resolve_config(current_path(os.fspath(path)))
    variables = {key: options[key] for key in DATA_VARIABLES if key in options}
    cfg, layers = _read(path, _take_file_variables(path, options))
    forget_own_scope(cfg._cfg_dict)
    layers = Layers(layers.files, frozenset(variables))
    if 'data_root' in variables and not any('data_root' in names for names in layers.names):
        move_data_root(cfg, variables['data_root'])
    for key, value in variables.items():
        options.pop(key, None)
        cfg[key] = value
        _refuse_both(key, value, options)
    _write_into_loaders(cfg, options)
    resolve_data_variables(cfg, layers)
    cfg['data_variables_resolved'] = True  # a runner must not undo the options that follow
    for key in options:
        _warn_of_new_key(cfg, key)
        _warn_of_spent_variable(cfg, key)
        if '.' in key and cfg.get(key.split('.')[0]) is True:
            cfg[key.split('.')[0]] = {}  # a switch that is on, such as run_report, takes options one by one
    try:
        cfg.merge_from_dict(options)
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise UserError(f'--cfg-options {" ".join(options)} does not fit {path}: {error}',
                        fix='mmseg-plugins print-config shows what the config has') from error
    return cfg


@metafiles_read_once()
def resolve_loaded(cfg: Config) -> None:
    """Resolve the data of a config that another tool read and may have changed, in place.

    Its file tells what the variables fill; what differs from the file was changed since, and stays.
    """
    if cfg.get('data_variables_resolved', False):
        return
    name = cfg.filename
    if not isinstance(name, str) or not os.path.isfile(name) or not is_layered(Path(name)):
        forget_own_scope(cfg._cfg_dict)
        resolve_data_variables(cfg)
        return
    plain = Config.fromfile(name)
    for node in (cfg, plain):
        forget_own_scope(node._cfg_dict)
    changed = {key: cfg[key] for key in DATA_VARIABLES if key in cfg and cfg[key] != plain.get(key)}
    resolved = load_config(name, changed)
    parts = [f'{split}_{part}' for split in ('train', 'val', 'test') for part in ('dataloader', 'evaluator')]
    for key in ('model', *parts):
        if key in resolved and key in cfg:
            cfg[key] = _carried(cfg[key], plain.get(key), resolved[key])


def _carried(value: Any, plain: Any, resolved: Any) -> Any:
    """What resolving changed, applied to a value unless somebody changed it before."""
    if value == plain:
        return resolved
    if isinstance(value, dict) and isinstance(resolved, dict):
        before = plain if isinstance(plain, dict) else {}
        for key in resolved:
            if key in value or key not in before:
                value[key] = _carried(value[key], before.get(key), resolved[key]) if key in value else resolved[key]
    return value


def _take_file_variables(path: str, options: dict[str, Any]) -> dict[str, Any]:
    """Move the options that set a variable of the file or of its own bases out of ``options``."""
    acting = _ACTING.union(DATA_VARIABLES, inspect.signature(Runner.__init__).parameters)
    names = {key for key in options if '.' not in key and (key not in acting or key in DATA_VARIABLES)}
    file = own_file(path, Path()) if names else None
    if file is None or not file.is_file():
        return {}
    return {name: options.pop(name) for name in names & assigned_names(file)}


def _read(path: str, values: Mapping[str, Any]) -> tuple[Config, Layers]:
    if '::' not in path and not path.endswith(('.py', '.yml', '.yaml', '.json')):
        raise UserError(
            f'{path} is no config: its name ends in none of .py, .yml, .yaml, .json.',
            fix='name a config; mmseg-plugins list names ours',
        )
    try:
        # fromfile knows the hosts' prefix only below _base_.
        file = own_file(path, Path())
        layers = Layers()
        if file is not None and is_layered(file):
            cfg, layers = read_with(file, values)
            _warn_of_idle_variables(file, values, cfg)
            cfg = Config(cfg._cfg_dict, cfg_text=cfg.text, filename=path, env_variables=cfg.env_variables)
        elif '::' in path:
            cfg = Config.fromstring(f'_base_ = [{path!r}]', '.py')
        else:
            cfg = Config.fromfile(path)
    except ImportError as error:
        raise UserError(
            f'config {path} could not import {getattr(error, "name", None) or error}: {error}.',
            fix='install the package that custom_imports names (this one: pip install -e .).',
        ) from error
    except Exception as error:  # a config is the user's program: whatever it raises is a mistake in it
        clear = isinstance(error, (SyntaxError, NameError, KeyError, TypeError))
        kind = '' if clear else f'{type(error).__name__}: '
        raise UserError(f'config {path} cannot be read: {kind}{error}') from error
    if 'annotations' in cfg and 'images' in cfg:
        raise UserError(
            f'{path} is a COCO annotation file, not a config.',
            fix='a config whose train_ann_file it is; mmseg-plugins fit measures it as it is.',
        )
    return cfg, layers


def _write_into_loaders(cfg: Config, options: dict[str, Any]) -> None:
    """Move what options say of the data in loaders and evaluators into the config, so that the rest follows."""
    for dotted in list(options):
        *path, key = dotted.split('.')
        if not path or path[0] not in ROOTS or key not in KEYS:
            continue
        node: Any = cfg._cfg_dict
        for part in path:
            if isinstance(node, list):
                node = node[int(part)] if part.isdigit() and int(part) < len(node) else None
            elif isinstance(node, dict):
                if part in ('metainfo', 'data_prefix') and 'type' in node:
                    node.setdefault(part, {})
                node = node.get(part)
        if isinstance(node, dict):
            node[key] = options.pop(dotted)
            node[f'_written_{key}_'] = -1  # by the command line


def _warn_of_idle_variables(file: Path, values: Mapping[str, Any], cfg: Config) -> None:
    """Say when a variable of the command line changes nothing, as a file below it sets what it would fill."""
    for name in set(values) - set(DATA_VARIABLES):
        other, _ = read_with(file, {key: value for key, value in values.items() if key != name})
        if other.get(name) != values[name] and all(
                key in values or other.get(key) == cfg.get(key) for key in {*other, *cfg}):
            print_log(f'--cfg-options {name}={values[name]} changes nothing: no key follows this variable, or a nearer '
                      'file sets those that do. Fix: set the key itself; print-config shows it', 'current', 30)


_FILLED_BY = {'ann_file': 'ann_file', 'img': 'img_prefix', 'img_path': 'img_prefix', 'seg': 'seg_prefix',
              'seg_map_path': 'seg_prefix'}


def _refuse_both(name: str, value: Any, options: Mapping[str, Any]) -> None:
    """Raise when the command line sets a variable and, otherwise, a key that it fills."""
    for key, other in options.items():
        parts = key.split('.')
        split = parts[0].removesuffix('_dataloader')
        fills = parts[-1] if parts[-1] == 'data_root' else f'{split}_{_FILLED_BY.get(parts[-1])}'
        if parts[0].endswith('_dataloader') and fills == name and other != value:
            raise UserError(f'--cfg-options has {name}={value} and {key}={other}.', fix=f'leave out {name} or {key}')


def _warn_of_new_key(cfg: Config, dotted: str) -> None:
    """Say when an option names a key that no config had: mostly a typing error."""
    node: Any = cfg
    parts = dotted.split('.')
    for depth, part in enumerate(parts):
        if isinstance(node, (list, tuple)):
            if not part.isdigit() or int(part) >= len(node):
                return  # merge_from_dict raises its own clear error
            node = node[int(part)]
            continue
        if not hasattr(node, 'keys'):
            return
        if part not in node:
            if not depth and part in OPTIONAL:
                return
            near = near_names(part, map(str, node), most=1)
            hint = f' Did you mean {".".join([*parts[:depth], near[0]])}?' if near else ''
            print_log(f'--cfg-options {dotted}: {part!r} is a new key, no config had it.{hint}', 'current', 30)
            return
        node = node[part]


def _warn_of_spent_variable(cfg: Config, name: str) -> None:
    """Say when an option sets a variable that was read when the file was: its value stands elsewhere by now."""
    known = _ACTING | set(inspect.signature(Runner.__init__).parameters)
    if '.' in name or name not in cfg or name in known or isinstance(cfg[name], dict):
        return
    places = [place for place in places_of(cfg, name) if '.' in place]
    where = f'set {" ".join(f"{place}=..." for place in places[:4])}' if places else 'set the keys that took its value'
    print_log(f'--cfg-options {name}: a variable of the config file, which was read already; it changes nothing by '
              f'itself. Fix: {where}', 'current', 30)

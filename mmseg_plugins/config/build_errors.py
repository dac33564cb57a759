"""Help for a part of a config that cannot be built: a ``type`` that no registry knows, arguments that it refuses."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import mmengine.registry
from mmengine.registry import Registry

from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.utils.suggest import last_part, near_names

_UNKNOWN = re.compile(r'^(?P<name>\S+) is not in the (?:(?P<scope>\w+)::)?(?P<registry>.+?) registry')
_SCOPES = ('mmdet', 'mmseg', 'mmseg_plugins')
_LOOKED_UP = {
    'optimizer': mmengine.registry.OPTIMIZERS,
    **dict.fromkeys(('norm_cfg', 'act_cfg', 'conv_cfg'), mmengine.registry.MODELS),
}
_PACKAGES = {'mmdet': 'mmdet', 'mmseg': 'mmsegmentation', 'mmseg_plugins': 'mmseg_plugins (pip install -e .)'}


class UnknownTypeError(UserError, KeyError):
    """A ``type`` in a config that is not registered; a KeyError, as mmengine raises."""


@contextmanager
def explain_build_errors(cfg: Any = None) -> Iterator[None]:
    """Turn what a registry or a constructor says about a config into a :class:`UserError` with help.

    mmengine's "X is not in the ... registry" becomes an :class:`UnknownTypeError`; a ``ValueError`` of one of this
    package's constructors, and a call with a wrong argument name, keep their words.

    Args:
        cfg: config that is being built, to say where in it the type stands.
    """
    try:
        yield
    except UserError:
        raise
    except KeyError as error:
        match = _UNKNOWN.match(str(error.args[0])) if error.args else None
        if match is None:
            _refuse_unknown_layers(cfg, error)
            raise
        raise UnknownTypeError(describe(match['name'], match['scope'], match['registry'], cfg)) from error
    except (ValueError, TypeError) as error:
        _refuse_unknown_layers(cfg, error)
        if not _is_refused_argument(error):
            raise
        raise UserError(f'the config cannot be built: {error}.', fix='correct that argument in the config') from error


def _refuse_unknown_layers(cfg: Any, error: Exception) -> None:
    """Name the layer or optimizer of a config that is not registered: the hosts look these up and go on with None."""
    root = getattr(cfg, 'get', lambda _: None)('default_scope') or 'mmengine'
    for kind, registry in _named_layers(cfg):
        with registry.switch_scope_and_registry(root) as scoped:
            if scoped.get(kind) is None:
                raise UnknownTypeError(describe(kind, scoped.scope, scoped.name, cfg)) from error


def _named_layers(node: Any, key: str = '') -> Iterator[tuple[str, Registry]]:
    """Type and registry of the parts of a config that mmengine and mmcv look up without asking for success."""
    if hasattr(node, 'items'):
        kind = node.get('type')
        registry = _LOOKED_UP.get(key)
        if isinstance(kind, str) and registry is not None:
            yield kind, registry
        for name, value in node.items():
            yield from _named_layers(value, name)
    elif isinstance(node, (list, tuple)):
        for value in node:
            yield from _named_layers(value, key)


def _is_refused_argument(error: Exception) -> bool:
    """Whether a constructor of ours refused a value, or a registry called one with a name that it does not have."""
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    module, function = frame.f_globals.get('__name__', ''), frame.f_code.co_name
    if isinstance(error, TypeError):
        called = module == 'mmengine.registry.build_functions' or function == '__init__'  # itself, or its base class
        return called and re.search(r'__init__\(\) (got an unexpected keyword|missing)', str(error)) is not None
    return module.startswith('mmseg_plugins.') and function in ('__init__', '__post_init__')


def describe(name: str, scope: str | None, registry: str, cfg: Any = None) -> str:
    """The message for ``type=name`` looked up in ``scope``'s registry of that name."""
    kind = registry.split('_')[-1] if '_' in registry else registry
    root = _root(scope, registry)
    known = _registered(root)
    prefix, _, bare = name.rpartition('.')
    lines = [f"type='{name}' is not registered (searched: {kind} registry of scope {scope or 'mmengine'})."]
    places = list(_places(cfg, name))[:3]
    if places:
        lines.append(f'It stands in the config at {", ".join(places)}.')
    if prefix and prefix not in known and '.' not in prefix:
        lines.append(_about_scope(prefix, list(known)))
    near = near_matches(bare, known)
    if near:
        lines.append(f"Did you mean {' / '.join(near)}? Fix: type='{near[0]}', if that is meant.")
    elsewhere = _in_other_registries(bare, root)
    if elsewhere:
        lines.append(f'{bare} exists, but as {elsewhere}, which cannot stand here.')
        if not near:
            lines.append('Fix: a type of the registry that was searched.')
    if not near and not elsewhere:
        lines.append(
            'Nothing similar is registered. Fix: correct the name. If it is your own module, import it first: '
            "custom_imports = dict(imports=['your_package'], allow_failed_imports=False)."
        )
    return ' '.join(lines)


def near_matches(name: str, known: dict[str, list[str]], limit: int = 5) -> list[str]:
    """Qualified names (``scope.Name``) equal or close to ``name``, best first; case is ignored."""
    qualified = (f'{scope}.{entry}' for scope, names in known.items() for entry in names)
    return near_names(name, qualified, limit, 0.7, last_part)


def _about_scope(prefix: str, scopes: list[str]) -> str:
    near = near_names(prefix, [*scopes, *_SCOPES], 1, 0.7)
    if near and near[0] != prefix:
        return f"There is no scope '{prefix}'; near: '{near[0]}'."
    if find_spec(prefix) is None:
        package = _PACKAGES.get(prefix, prefix)
        return f"The package '{prefix}' of this prefix is not installed (pip install {package})."
    return f"The package '{prefix}' is installed but has no registry of this kind."


def _roots() -> dict[str, Registry]:
    """mmengine's root registries by name (``model``, ``hook``, ...)."""
    return {r.name: r for r in vars(mmengine.registry).values() if isinstance(r, Registry) and r.parent is None}


def _root(scope: str | None, registry: str) -> Registry | None:
    _import_scopes()
    roots = _roots()
    if registry in roots:
        return roots[registry]
    for root in roots.values():
        for name, child in root.children.items():
            if child.name == registry and scope in (None, name):
                return root
    return None


def _import_scopes() -> None:
    for scope in _SCOPES:
        if find_spec(scope) is not None:
            try:
                import_module(f'{scope}.registry')
            except ImportError:
                continue  # a broken installation: doctor reports it, here it only narrows the search


def _registered(root: Registry | None) -> dict[str, list[str]]:
    """Names by scope below one root registry; locations are imported on the way."""
    found: dict[str, list[str]] = {}
    if root is None:
        return found
    for node in (root, *root.children.values()):
        with suppress(ImportError, AssertionError, AttributeError):  # what was imported so far is still worth naming
            node.import_from_location()
        found[str(node.scope)] = sorted(node.module_dict)
    return found


def _in_other_registries(name: str, wanted: Registry | None) -> str:
    for root in _roots().values():
        if root is wanted:
            continue
        for node in (root, *root.children.values()):
            if name in node.module_dict:
                return f'{node.scope}.{name} of the {root.name} registry'
    return ''


def _places(cfg: Any, name: str, where: str = '') -> Iterator[str]:
    """Dotted paths of the dicts in a config whose type is ``name``."""
    if hasattr(cfg, 'items'):
        if cfg.get('type') == name:
            yield where or 'the top level'
        for key, value in cfg.items():
            yield from _places(value, name, f'{where}.{key}' if where else str(key))
    elif isinstance(cfg, (list, tuple)):
        for index, value in enumerate(cfg):
            yield from _places(value, name, f'{where}[{index}]')

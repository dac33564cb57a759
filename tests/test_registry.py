"""The registry is the public interface: what is registered can be named, found and built from a config."""

import importlib

import pytest
from config_files import NAMES, loaded, plugin_types
from mmengine.registry import DefaultScope

from mmseg_plugins import registry
from mmseg_plugins.engine.runner.hook_switches import SWITCHES

REGISTRIES = {name: value for name, value in vars(registry).items() if name.isupper() and name not in ('SCOPE',)
              and not name.startswith('ROOT_')}
for _registry in REGISTRIES.values():
    _registry.import_from_location()
ENTRIES = [(kind, name) for kind, value in sorted(REGISTRIES.items()) for name in sorted(value.module_dict)]

# Registered, but put in place by SafeRunner rather than named in a config.
BY_THE_RUNNER = {name.split('.')[1] for name in SWITCHES.values()} | {
    'PostProcessHook', 'ResumableIterLoop', 'ResumableEpochLoop', 'AutocastOptimWrapper'}


# Needs a package that not every installation has; tests/with_timm builds it.
OPTIONAL = {'TimmBackbone'}


def test_something_is_registered_in_every_registry():
    assert all(value.module_dict for value in REGISTRIES.values())


def test_classes_are_registered_under_their_own_names_where_they_are_defined():
    for kind, name in ENTRIES:
        cls = REGISTRIES[kind].module_dict[name]
        assert getattr(importlib.import_module(cls.__module__), name) is cls
        assert cls.__module__.startswith('mmseg_plugins.')


@pytest.mark.parametrize('scope', ['mmdet', 'mmseg', 'mmengine'])
def test_prefixed_names_are_found_from_every_scope(scope):
    host = importlib.import_module(f'{scope}.registry')
    with DefaultScope.overwrite_default_scope(scope):
        lost = [name for kind, name in ENTRIES
                if getattr(host, kind).get(f'mmseg_plugins.{name}') is not REGISTRIES[kind].module_dict[name]]
    assert lost == []


@pytest.mark.parametrize('scope', ['mmdet', 'mmseg', 'mmengine'])
def test_hosts_registries_hold_no_class_of_ours(scope):
    host = importlib.import_module(f'{scope}.registry')
    leaked = [(kind, name) for kind in REGISTRIES for name, cls in getattr(host, kind).module_dict.items()
              if cls.__module__.startswith('mmseg_plugins.')]
    assert leaked == []


def test_every_registered_class_is_reached_by_a_config():
    reached = set().union(*(plugin_types(loaded(name)._cfg_dict.to_dict()) for name in NAMES))
    assert {name for _, name in ENTRIES} - reached - BY_THE_RUNNER - OPTIONAL == set()


def test_every_plugin_type_in_a_config_is_registered():
    known = {name for _, name in ENTRIES}
    for name in NAMES:
        assert plugin_types(loaded(name)._cfg_dict.to_dict()) <= known

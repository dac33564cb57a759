"""Rooms stand in an order: every import of the package goes down, also those inside functions."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / 'mmseg_plugins'

#: From the top: a room may import those below its own line, and on its line those to the right of it.
ORDER = (
    ('cli',),
    ('benchmark', 'apis', 'planning', 'weights', 'reporting'),
    ('engine', 'evaluation'),
    ('data_prep', 'data_check', 'datasets'),
    ('visualization',),
    ('models',),
    ('config', 'structures', 'ops'),
    ('registry', 'utils', 'version'),
)
RANK = {room: (line, place) for line, rooms in enumerate(ORDER) for place, room in enumerate(rooms)}

#: Modules that may import upwards, and why.
ROOT = {
    '__init__': 'setup() prepares a process: it asks every room that needs it',
    '__main__': 'is the command, for python -m',
    'activate': 'calls setup()',
}
EXCEPTIONS = {
    ('config/load.py', 'mmseg_plugins.setup'): 'reading a config is how a process begins',
    ('engine/runner/safe_runner.py', 'mmseg_plugins.setup'): 'a runner built by a host is how a process begins',
    ('apis/inference.py', 'mmseg_plugins.setup'): 'a predictor is how a process begins',
    ('apis/models.py', 'mmseg_plugins.setup'): 'a built model is how a process begins',
    ('cli/benchmark_solo_memory.py', 'mmseg_plugins.setup'): 'builds models without a config file',
}

HEADS = ('dense_heads', 'roi_heads', 'decode_heads', 'segmentors', 'detectors')
BELOW_HEADS = ('losses', 'layers', 'task_modules', 'postprocess', 'crf', 'backbones', 'necks')
HOSTS = ('mmdet', 'mmseg')


def imported(path):
    """(line, dotted name) of all modules that a file imports, wherever in it."""
    own = ('mmseg_plugins', *path.relative_to(PACKAGE).with_suffix('').parts)
    for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = '.'.join(own[:len(own) - node.level]) if node.level else ''
            module = '.'.join(part for part in (base, node.module) if part)
            whole = module == 'mmseg_plugins' or node.module is None
            yield from ((node.lineno, f'{module}.{alias.name}' if whole else module) for alias in node.names)


def files(*rooms):
    return [path for room in rooms for path in sorted((PACKAGE / room).rglob('*.py'))]


def room_of(path):
    return path.relative_to(PACKAGE).with_suffix('').parts[0]


def test_every_room_has_its_place():
    rooms = {room_of(path) for path in PACKAGE.rglob('*.py')}
    assert rooms - set(ROOT) == set(RANK)


def test_imports_go_down():
    wrong = []
    for path in PACKAGE.rglob('*.py'):
        room, where = room_of(path), path.relative_to(PACKAGE).as_posix()
        for line, name in imported(path):
            parts = name.split('.')
            if parts[0] != 'mmseg_plugins' or room in ROOT or (where, name) in EXCEPTIONS:
                continue
            other = parts[1] if len(parts) > 1 else 'version'
            if other not in RANK and other in ('__version__',):
                other = 'version'
            if other != room and (other not in RANK or RANK[other] < RANK[room]):
                wrong.append(f'{where}:{line} imports {name}')
    assert wrong == []


def test_every_exception_is_needed():
    unused = [(where, name) for where, name in EXCEPTIONS
              if name not in {found for _, found in imported(PACKAGE / where)}]
    assert unused == []


def test_operators_import_nothing_of_the_package():
    wrong = [f'{path.name}:{line} {name}' for path in files('ops') for line, name in imported(path)
             if name.startswith('mmseg_plugins') and not name.startswith('mmseg_plugins.ops')]
    assert wrong == []


@pytest.mark.parametrize('part', BELOW_HEADS)
def test_parts_import_no_head(part):
    wrong = [f'{path.name}:{line} {name}' for path in files(f'models/{part}') for line, name in imported(path)
             if name.startswith(tuple(f'mmseg_plugins.models.{head}' for head in HEADS))]
    assert wrong == []


@pytest.mark.parametrize('part', ['models/backbones', 'models/necks', 'models/layers', 'models/losses', 'models/crf',
                                  'config', 'structures', 'utils', 'ops'])
def test_what_serves_both_hosts_imports_none(part):
    wrong = [f'{path.name}:{line} {name}' for path in files(part) for line, name in imported(path)
             if name.split('.')[0] in HOSTS]
    assert wrong == []


#: What has one home: text that only stands there, and the modules below the package where it may stand.
HOMES = {
    'difflib': ['utils/suggest.py'],
    'cv2.imdecode(': ['structures/images.py', 'structures/panoptic_ids.py'],
    'cv2.imread(': [],
    'cv2.imwrite(': [],
    'cv2.imencode(': ['structures/images.py'],
    'coco_mask.encode(': ['structures/rle.py'],
    'frPyObjects(': ['structures/rle.py'],
    'os.fsync(': ['utils/atomic.py'],
    'nn.Dropout2d}': ['models/layers/dropout.py'],
    "'msracver'": ['models/roi_heads/fcis_head.py', 'ops/ps_roi_pool.py', 'structures/boxes.py', 'weights/'],
    "'num_things_classes'": ['config/walk.py'],
}


@pytest.mark.parametrize('text', HOMES)
def test_one_home(text):
    found = [path.relative_to(PACKAGE).as_posix() for path in sorted(PACKAGE.rglob('*.py'))
             if text in path.read_text(encoding='utf-8')]
    assert [where for where in found if not where.startswith(tuple(HOMES[text]))] == []
    assert all(any(where.startswith(home) for where in found) for home in HOMES[text])

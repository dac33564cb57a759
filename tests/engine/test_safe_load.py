"""Checkpoints of mmengine are read; a file that wants to run code is refused on every way in."""

from __future__ import annotations

import os
import pickle
import sys
import threading
from collections import OrderedDict
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from engine_toy import ToyModel, train
from mmengine.logging import HistoryBuffer
from mmengine.model import BaseModule
from mmengine.runner import CheckpointLoader, load_checkpoint

from mmseg_plugins import setup
from mmseg_plugins.engine.checkpoint import loaders, safe_load
from mmseg_plugins.engine.checkpoint.safe_load import (
    CheckpointFileError,
    CorruptCheckpointError,
    UnsafeCheckpointError,
    load_checkpoint_file,
)
from mmseg_plugins.utils.errors import UserError


class Touch:
    """Unpickling it creates a file."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (self.path,)


class ReachThroughGetattr:
    """Unpickling it fetches, by getattr, something that no checkpoint needs."""

    def __reduce__(self) -> tuple[Any, ...]:
        return getattr, (HistoryBuffer, '__init__')


@pytest.fixture(autouse=True)
def prepared() -> None:
    """A process as every command makes it: mmengine's loaders then read safely, whichever test ran before."""
    setup()


@pytest.fixture
def malicious(tmp_path: Path) -> tuple[str, str]:
    """A checkpoint that would create a folder, and that folder's path."""
    created = str(tmp_path / 'created')
    path = str(tmp_path / 'evil.pth')
    meta = {'iter': 1, 'epoch': 0, 'seed': 0, 'extra': Touch(created)}
    torch.save({'meta': meta, 'state_dict': ToyModel().state_dict(), 'message_hub': {}}, path)
    return path, created


@pytest.fixture(params=['native', 'restricted'])
def reader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """torch's own allow-list, and the unpickler that serves older torch releases."""
    if request.param == 'restricted':
        monkeypatch.setattr(safe_load, '_native_allow_list', lambda: False)
    return str(request.param)


def test_the_trap_of_these_tests_works(malicious: tuple[str, str]) -> None:
    path, created = malicious
    with open(path, 'rb') as file:
        torch.serialization.load(file, pickle_module=pickle)
    assert os.path.isdir(created)


def test_history_buffers_and_numpy_values_come_back(tmp_path: Path, reader: str) -> None:
    buffer = HistoryBuffer([1.0, 2.0, 4.0], [1, 1, 1])
    saved = {
        'buffer': buffer, 'float': np.float64(1.5), 'int': np.int64(7), 'bool': np.bool_(True),
        'array': np.arange(6).reshape(2, 3), 'ordered': OrderedDict(a=torch.ones(2)), 'set': {1, 2},
        'half': torch.ones(3, dtype=torch.bfloat16), 'big': 2**40, 'bytes': b'\x00\xff',
    }  # fmt: skip
    torch.save(saved, tmp_path / 'a.pth')
    loaded = load_checkpoint_file(tmp_path / 'a.pth')
    assert loaded['buffer'].statistics('mean', 2) == 3.0
    assert loaded['float'] == 1.5
    assert isinstance(loaded['int'], np.integer)
    assert loaded['bool'] == np.True_
    np.testing.assert_array_equal(loaded['array'], saved['array'])
    assert torch.equal(loaded['half'], saved['half'])
    assert (loaded['big'], loaded['bytes'], loaded['set']) == (2**40, b'\x00\xff', {1, 2})


def test_numpy_1_names_are_known(tmp_path: Path, reader: str) -> None:
    torch.save({'a': np.arange(3), 'b': np.float32(2)}, tmp_path / 'a.pth', _use_new_zipfile_serialization=False)
    data = (tmp_path / 'a.pth').read_bytes()
    core = b'numpy._core.' if b'numpy._core.' in data else b'numpy.core.'
    other = b'numpy.core.' if core == b'numpy._core.' else b'numpy._core.'
    (tmp_path / 'b.pth').write_bytes(data.replace(core, other))
    loaded = load_checkpoint_file(tmp_path / 'b.pth')
    np.testing.assert_array_equal(loaded['a'], np.arange(3))
    assert loaded['b'] == 2


def test_code_is_refused_with_its_name(malicious: tuple[str, str], reader: str) -> None:
    path, created = malicious
    with pytest.raises(UnsafeCheckpointError, match=r'evil\.pth asks to run or build (posix|os|nt)\.mkdir.*Fix'):
        load_checkpoint_file(path)
    assert not os.path.exists(created)


@pytest.mark.parametrize('zipped', [True, False])
def test_getattr_gives_nothing_but_statistics(tmp_path: Path, reader: str, zipped: bool) -> None:
    torch.save({'a': ReachThroughGetattr()}, tmp_path / 'a.pth', _use_new_zipfile_serialization=zipped)
    with pytest.raises(UnsafeCheckpointError, match='getattr'):
        load_checkpoint_file(tmp_path / 'a.pth')


@pytest.mark.parametrize('protocol', [0, 1, 2, 3, 4, 5])
def test_a_bare_pickle_of_any_protocol_is_refused(tmp_path: Path, reader: str, protocol: int) -> None:
    created = tmp_path / 'created'
    (tmp_path / 'a.pth').write_bytes(pickle.dumps(Touch(str(created)), protocol=protocol))
    with pytest.raises(UnsafeCheckpointError, match='mkdir'):
        load_checkpoint_file(tmp_path / 'a.pth')
    assert not created.exists()


def test_numpy_scalars_of_objects_are_refused(reader: str) -> None:
    with pytest.raises(pickle.UnpicklingError, match='scalar of dtype'):
        safe_load._plain_scalar(np.dtype('O'), b'')


class Pretrained(BaseModule):
    """A module that loads weights the mm way."""

    def __init__(self, path: str) -> None:
        super().__init__(init_cfg=dict(type='Pretrained', checkpoint=path))
        self.body = torch.nn.Linear(2, 2)


ROUTES = ['load_checkpoint', 'loader', 'pretrained', 'load_from', 'resume', 'resume=auto', 'http']


@pytest.mark.parametrize('route', ROUTES)
def test_every_route_refuses(route: str, malicious: tuple[str, str], tmp_path: Path, monkeypatch: Any) -> None:
    path, created = malicious
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path / 'hub'))
    with pytest.raises(UnsafeCheckpointError, match='mkdir'):
        _take(route, path, tmp_path)
    assert not os.path.exists(created)


def _take(route: str, path: str, folder: Path) -> None:
    """Read the checkpoint at ``path`` in one of the ways that mmengine knows."""
    run = folder / 'run'
    if route == 'load_checkpoint':
        load_checkpoint(ToyModel(), path)
    elif route == 'loader':
        CheckpointLoader.load_checkpoint(path)
    elif route == 'pretrained':
        Pretrained(path).init_weights()
    elif route in ('load_from', 'resume'):
        train(run, load_from=path, resume=route == 'resume')
    elif route == 'resume=auto':
        run.mkdir()
        os.replace(path, run / 'iter_4.pth')
        (run / 'last_checkpoint').write_text(str(run / 'iter_4.pth'))
        train(run)
    else:
        with _server(folder) as address:
            CheckpointLoader.load_checkpoint(f'{address}/evil.pth')


class _server:
    """Serves a folder on a free port of this machine."""

    def __init__(self, folder: Path) -> None:
        handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
        self.server = ThreadingHTTPServer(('127.0.0.1', 0), handler)

    def __enter__(self) -> str:
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return f'http://127.0.0.1:{self.server.server_address[1]}'

    def __exit__(self, *_: Any) -> None:
        self.server.shutdown()
        self.server.server_close()


def test_each_scheme_of_mmengine_is_ours() -> None:
    loaders.install()
    foreign = {p: f.__module__ for p, f in CheckpointLoader._schemes.items() if f.__module__ != loaders.__name__}
    assert foreign == {}
    assert CheckpointLoader._get_checkpoint_loader('torchvision://resnet50') is loaders.load_from_torchvision
    assert CheckpointLoader._get_checkpoint_loader('a:s3://b') is loaders.load_from_ceph
    assert CheckpointLoader._get_checkpoint_loader('model.pth') is loaders.load_from_local


def test_a_list_the_user_extended_stays_extended(tmp_path: Path) -> None:
    torch.serialization.add_safe_globals([slice])
    torch.save({'a': 1}, tmp_path / 'a.pth')
    load_checkpoint_file(tmp_path / 'a.pth')
    assert slice in torch.serialization.get_safe_globals()


@pytest.mark.parametrize(
    ('content', 'reason'),
    [
        (b'', 'empty'),
        (b'not a checkpoint at all', 'no torch checkpoint'),
        (b'<html>404</html>', 'web page'),
        (b'version https://git-lfs.github.com/spec/v1\noid', 'git-lfs pointer'),
        (b'PK\x03\x04' + b'\x00' * 50, 'cut short or damaged'),
    ],
)
def test_what_is_no_checkpoint_is_named(tmp_path: Path, reader: str, content: bytes, reason: str) -> None:
    (tmp_path / 'a.pth').write_bytes(content)
    with pytest.raises(CorruptCheckpointError, match=rf'a\.pth.*{reason}.*Fix'):
        load_checkpoint_file(tmp_path / 'a.pth')


def test_truncation_at_any_length_is_corrupt(tmp_path: Path, reader: str) -> None:
    torch.save({'meta': {'iter': 1}, 'w': torch.arange(50.0)}, tmp_path / 'a.pth')
    data = (tmp_path / 'a.pth').read_bytes()
    for length in range(1, len(data), 37):
        (tmp_path / 'b.pth').write_bytes(data[:length])
        with pytest.raises(CorruptCheckpointError):
            load_checkpoint_file(tmp_path / 'b.pth')


def test_a_missing_file_lists_its_neighbours(tmp_path: Path) -> None:
    torch.save({}, tmp_path / 'iter_4.pth')
    with pytest.raises(UserError, match=r'iter_5\.pth can not be found.*iter_4\.pth'):
        load_checkpoint_file(tmp_path / 'iter_5.pth')


def test_an_unknown_model_of_torchvision_gets_near_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loaders.mm, 'get_torchvision_models', lambda: {'resnet50': 'u', 'vgg16': 'v'})
    with pytest.raises(CheckpointFileError, match=r"'resnet_50'.*Did you mean: resnet50"):
        loaders.load_from_torchvision('torchvision://resnet_50')


def test_torchvisions_older_weights_need_no_torchvision(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'torchvision', None)
    monkeypatch.setattr(loaders, 'load_from_http', lambda url, location: url)
    assert loaders.load_from_torchvision('torchvision://resnet50').endswith('resnet50-0676ba61.pth')
    with pytest.raises(CheckpointFileError, match=r'resnet50\.imagenet1k_v2: torchvision is not.*resnet50,.*Fix'):
        loaders.load_from_torchvision('torchvision://resnet50.imagenet1k_v2')


def test_no_unrestricted_load_is_left_in_the_package() -> None:
    package = Path(sys.modules['mmseg_plugins'].__file__ or '').parent
    text = {p: p.read_text(encoding='utf-8') for p in package.rglob('*.py')}
    assert [p for p, t in text.items() if 'weights_only=' + 'False' in t] == []

"""Every way in which mmengine reads a checkpoint, led through the safe reader.

Stock mmengine 0.10.7 calls ``torch.load`` with its default, the onedl line
falls back to unrestricted unpickling when the restricted one refuses, which is
just what a hostile file provokes.  mmengine chooses the reader by the prefix of
the name (``torchvision://``, ``https://``, none); :func:`install` puts readers
with the same names in their places, for ``load_from``, resuming,
``init_cfg=dict(type='Pretrained')`` and ``mmengine.runner.load_checkpoint``.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from typing import Any
from urllib.parse import urlparse

import mmengine
import torch
from mmengine.dist import barrier, get_dist_info
from mmengine.fileio import get_file_backend
from mmengine.runner import checkpoint as mm
from mmengine.runner.checkpoint import CheckpointLoader

from mmseg_plugins.config.shipped import SCHEME, weights_at
from mmseg_plugins.engine.checkpoint.safe_load import CheckpointFileError, MapLocation, load_checkpoint_file
from mmseg_plugins.utils.suggest import near_names


def load_from_local(filename: str, map_location: MapLocation = None) -> Any:
    """A file on this machine; ``~`` is expanded."""
    return load_checkpoint_file(os.path.expanduser(filename), map_location)


def load_from_http(
    filename: str, map_location: MapLocation = None, model_dir: str | None = None, progress: bool | None = None
) -> Any:
    """Download once into torch's cache folder (rank 0 of the job first), then read it safely."""
    rank, world_size = get_dist_info()
    path = ''
    if rank == 0:
        path = _download(filename, model_dir, os.isatty(0) if progress is None else progress)
    if world_size > 1:
        barrier()
        if rank > 0:
            path = _download(filename, model_dir, False)
    return load_checkpoint_file(path, map_location)


def load_from_torchvision(filename: str, map_location: MapLocation = None) -> Any:
    """``torchvision://resnet50`` and the like; mmengine brings the older addresses along, torchvision has the newer."""
    try:
        addresses = mm.get_torchvision_models()
    except ModuleNotFoundError as error:
        addresses = mmengine.load(os.path.join(os.path.dirname(mmengine.__file__), 'hub', 'torchvision_0.12.json'))
        if filename.split('://', 1)[1] not in addresses:
            raise CheckpointFileError(
                f'{filename}: torchvision is not installed, and mmengine alone knows none but {", ".join(addresses)}.',
                fix='pip install torchvision, or name a local file.',
            ) from error
    return load_from_http(_look_up(addresses, filename), map_location)


def load_from_openmmlab(filename: str, map_location: MapLocation = None) -> Any:
    """``open-mmlab://name``: an address or a file under MMENGINE_HOME."""
    name = filename.split('://', 1)[1]
    name = mm.get_deprecated_model_names().get(name, name)
    target = _look_up(mm.get_external_models(), f'open-mmlab://{name}')
    if target.startswith(('http://', 'https://')):
        return load_from_http(target, map_location)
    return load_checkpoint_file(os.path.join(mm._get_mmengine_home(), target), map_location)


def load_from_mmcls(filename: str, map_location: MapLocation = None) -> Any:
    """``mmcls://name``: the backbone's weights of a classification checkpoint."""
    checkpoint = load_from_http(_look_up(mm.get_mmcls_models(), filename), map_location)
    return mm._process_mmcls_checkpoint(checkpoint)


def load_from_ceph(filename: str, map_location: MapLocation = None, backend: str = 'petrel') -> Any:
    """``s3://`` and ``petrel://``."""
    storage = get_file_backend(filename, backend_args={'backend': backend})
    with io.BytesIO(storage.get(filename)) as buffer:
        buffer.name = filename
        return load_checkpoint_file(buffer, map_location)


def load_from_package(filename: str, map_location: MapLocation = None) -> Any:
    """``mmseg_plugins://name``: a trained model that the package brings along."""
    return load_checkpoint_file(weights_at(filename), map_location)


def load_from_pavi(filename: str, map_location: MapLocation = None) -> Any:
    """``pavi://`` needs a client that was never published; refuse with a fix."""
    raise CheckpointFileError(f'{filename}: pavi:// is not read.', fix='download the file and name its path.')


def install() -> None:
    """Register the readers above with mmengine; calling it again changes nothing."""
    readers: dict[tuple[str, ...], Callable[..., Any]] = {
        ('',): load_from_local,
        ('http://', 'https://'): load_from_http,
        ('modelzoo://', 'torchvision://'): load_from_torchvision,
        ('open-mmlab://', 'openmmlab://'): load_from_openmmlab,
        ('mmcls://',): load_from_mmcls,
        (r'(\S+\:)?s3://', r'(\S+\:)?petrel://'): load_from_ceph,
        ('pavi://',): load_from_pavi,
        (SCHEME,): load_from_package,
    }
    for prefixes, reader in readers.items():
        for prefix in prefixes:
            if CheckpointLoader._schemes.get(prefix) is not reader:
                CheckpointLoader._schemes.pop(prefix, None)
                CheckpointLoader.register_scheme(prefix, reader)


def _download(url: str, model_dir: str | None, progress: bool) -> str:
    folder = model_dir or os.path.join(torch.hub.get_dir(), 'checkpoints')
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, os.path.basename(urlparse(url).path))
    if not os.path.exists(path):
        try:
            # torch downloads next to the target and renames, so a broken download leaves no file.
            torch.hub.download_url_to_file(url, path, hash_prefix=None, progress=progress)
        except OSError as error:
            raise CheckpointFileError(
                f'{url} could not be downloaded ({error}).',
                fix=f'check the network, or fetch the file elsewhere and put it at {path}, or name a local file.',
            ) from error
    return path


def _look_up(addresses: dict[str, str], filename: str) -> str:
    name = filename.split('://', 1)[1]
    if name not in addresses:
        near = ', '.join(near_names(name, addresses, least=0.4)) or 'none similar'
        raise CheckpointFileError(f'{filename}: no weights of the name {name!r} are known. Did you mean: {near}?')
    return addresses[name]

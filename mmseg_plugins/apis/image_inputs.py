"""Images for prediction, loaded by the config's own loading step from a path, bytes, a PIL image or an array."""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from mmengine.config import Config
from mmengine.dataset import Compose

from mmseg_plugins.config.loading_steps import FILE_STEP, loading_steps, loads_image, reads_common_files, step_name
from mmseg_plugins.config.walk import leaf_datasets
from mmseg_plugins.structures.image_headers import DARK, floats_as_colors, holds_floats, lost_depth
from mmseg_plugins.structures.images import IMAGE_SUFFIXES, decode_file, png_bytes, reason_unreadable
from mmseg_plugins.utils.errors import UserError

#: Files that only a loading step of one's own reads.
ARRAY_SUFFIXES = ('.dcm', '.gz', '.h5', '.hdf5', '.mat', '.nii', '.npy', '.npz')
_AS_STORED = ('unchanged', 'color_ignore_orientation', 'grayscale_ignore_orientation')


def split_pipeline(cfg: Config) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Steps of the test pipeline that load the image, and the others without those that load annotations.

    Raises:
        UserError: the config has no test pipeline.
    """
    for key in ('test_dataloader', 'val_dataloader'):
        if cfg.get(key) is None:
            continue
        for dataset in leaf_datasets(cfg[key]['dataset']):
            if not dataset.get('pipeline'):
                continue
            others = [dict(step) for step in dataset['pipeline']
                      if not step_name(step).startswith('Load') and not loads_image(step)]
            return loading_steps(dataset['pipeline']) or [dict(type=FILE_STEP)], others
    raise UserError('the config has no test_dataloader or val_dataloader with a pipeline to prepare images with')


def image_suffixes(cfg: Config) -> tuple[str, ...]:
    """Suffixes of the files in a folder that are images for a config: those of its own loading step, too."""
    steps, _ = split_pipeline(cfg)
    own = [Path('x' + str(leaf['img_suffix'])).suffix.lower() for key in ('test_dataloader', 'val_dataloader')
           for leaf in leaf_datasets((cfg.get(key) or {}).get('dataset')) if leaf.get('img_suffix')]
    arrays = () if reads_common_files(steps) else ARRAY_SUFFIXES
    return tuple(dict.fromkeys((*IMAGE_SUFFIXES, *own, *arrays)))


class ImageLoader:
    """Loads one image as the config's test pipeline does.

    Args:
        steps: The loading steps of :func:`split_pipeline`.
        channels: Channels that the network takes; None where the config does not tell.
        largest_mean: Largest mean that the data preprocessor subtracts; None where it has none.
        turned: Whether the preprocessor turns BGR to RGB, and so takes the first three of more channels.
    """

    def __init__(self, steps: Sequence[Mapping[str, Any]], channels: int | None, largest_mean: float | None,
                 turned: bool = False) -> None:
        self.steps = Compose([dict(step) for step in steps])
        first = steps[0]
        self.from_file = step_name(first) == FILE_STEP
        self.color = str(first.get('color_type', 'color')) if self.from_file else 'unchanged'
        self.float32 = bool(first.get('to_float32', False))
        self.channels, self.largest_mean, self.turned = channels, largest_mean, turned
        self._warned = False

    def __call__(self, image: Any) -> dict[str, Any]:
        """What the loading step gives: ``img`` (H, W) or (H, W, C), ``img_path``, ``img_shape``, ``ori_shape``.

        Args:
            image: A path; the bytes of a file; a PIL image; an array (H, W), (H, W, 1), (H, W, 3) BGR or (H, W, 4) BGRA
                of 8 or 16 bits, which is loaded as a file with these pixels; any other array, taken as it is.

        Raises:
            UserError: no such file, a damaged one, another kind of object, or values or channels that do not fit.
        """
        if isinstance(image, (str, os.PathLike)):
            return self._checked(self._load(Path(image)), str(image))
        if isinstance(image, (bytes, bytearray, memoryview)):
            return self._checked(self._load_bytes(bytes(image), '.img'), 'the image given as bytes')
        if isinstance(image, np.ndarray):
            return self._checked(self._from_array(image), f'the array of shape {image.shape}')
        from PIL import Image

        if isinstance(image, Image.Image):
            return self._checked(self._from_pil(image), f'the PIL image of mode {image.mode}')
        raise UserError(
            f'a {type(image).__name__} is no image.',
            rule='an image is a path, bytes of a file, a PIL image or a numpy array in BGR order; several are a list.',
            fix='for a tensor (C, H, W): tensor.permute(1, 2, 0).numpy().' if hasattr(image, 'permute') else '',
        )

    def _load(self, path: Path) -> dict[str, Any]:
        if not path.is_file():
            what = 'is a folder, not an image' if path.is_dir() else 'does not exist'
            raise UserError(f'image {path} {what}')
        try:
            results = self.steps(dict(img_path=str(path), img_id=0))
        except (AssertionError, KeyError, OSError, SyntaxError, TypeError, ValueError, ImportError, cv2.error) as error:
            reason = reason_unreadable(path)
            detail = reason if reason and 'OpenCV' not in reason else f'{type(error).__name__}: {error}'
            raise UserError(f'image {path} cannot be read: {detail}') from error
        if results is None:
            raise UserError(f'image {path} cannot be read by the loading step of the config')
        if self.from_file and self.color not in _AS_STORED and holds_floats(path):
            said = floats_as_colors(decode_file(path, cv2.IMREAD_UNCHANGED), results['img'].astype(np.uint8))
            if said:
                raise UserError(f'image {path}: OpenCV {said}')
        self._warn_of_lost_depth(path, results['img'])
        return dict(results)

    def _load_bytes(self, data: bytes, suffix: str) -> dict[str, Any]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f'image{suffix}'
            path.write_bytes(data)
            try:
                results = self._load(path)
            except UserError as error:
                raise UserError(str(error).replace(f'image {path}', 'the image given in memory')) from error
        return {**results, 'img_path': ''}

    def _from_array(self, array: np.ndarray) -> dict[str, Any]:
        if array.ndim not in (2, 3) or not array.size or array.dtype.kind not in 'uifb':
            raise UserError(f'an array of shape {array.shape} and type {array.dtype} is no image.',
                            rule='(height, width) or (height, width, channels) of numbers.')
        turned = array.ndim == 3 and array.shape[0] in (1, 3, 4) and array.shape[2] > 16
        if turned and array.shape[2] != self.channels:
            raise UserError(f'an array of shape {array.shape} has its channels first.',
                            rule='(height, width, channels).', fix='array.transpose(1, 2, 0).')
        if array.dtype == bool:
            array = array.astype(np.uint8)
        depth = array.shape[2] if array.ndim == 3 else 1
        whole = array.dtype == np.uint8 and depth == 3 and self.color.startswith('color')
        if self.from_file and not whole and array.dtype in (np.uint8, np.uint16) and depth in (1, 3, 4):
            return self._load_bytes(png_bytes(array), '.png')
        array = array.astype(np.float32) if self.float32 else array
        return dict(img=array, img_path='', img_id=0, img_shape=array.shape[:2], ori_shape=array.shape[:2])

    def _from_pil(self, image: Any) -> dict[str, Any]:
        from io import BytesIO

        from PIL import ImageOps

        if self.color not in _AS_STORED:
            image = ImageOps.exif_transpose(image)  # OpenCV turns files, too
        stream, kind = BytesIO(), 'PNG'
        if image.mode in ('F', 'I') and self.from_file and self.color not in _AS_STORED:
            raise UserError(f'a PIL image of mode {image.mode} has 32 bits a pixel.',
                            rule='this config loads images of 8 or 16 bits.',
                            fix="image.convert('L') where the values are 0..255.")
        if image.mode in ('F', 'I'):
            kind = 'TIFF'
        elif image.mode not in ('1', 'L', 'LA', 'P', 'RGB', 'RGBA', 'I;16'):
            image = image.convert('RGB')
        image.save(stream, kind)
        return self._load_bytes(stream.getvalue(), '.png' if kind == 'PNG' else '.tif')

    def _checked(self, results: dict[str, Any], name: str) -> dict[str, Any]:
        array = results['img']
        depth = array.shape[2] if array.ndim == 3 else 1
        cut = self.turned and self.channels == 3 and depth > 3
        if self.channels is not None and depth != self.channels and not cut:
            raise UserError(f'{name}: {depth} channels after loading, the network takes {self.channels}.',
                            fix='give images of the kind that the network was trained on.')
        if array.dtype.kind == 'f' and not np.isfinite(array).all():
            raise UserError(f'{name}: values that are NaN or infinite.')
        if array.dtype.kind == 'f' and (self.largest_mean or 0) > 1 and array.min() >= 0 and 0 < array.max() <= 1:
            raise UserError(
                f'{name}: floating-point values 0..1.',
                rule=f'the preprocessing of this config expects 0..255 (it subtracts up to {self.largest_mean:g}).',
                fix='multiply by 255.')
        return results

    def _warn_of_lost_depth(self, path: Path, image: np.ndarray) -> None:
        """Say once that 16 bits were cut to 8 and little is left: OpenCV divides by 256, whatever the maximum."""
        if self._warned or not self.from_file or image.dtype != np.uint8 or not image.size or image.max() >= DARK:
            return
        said = lost_depth(path)
        if said:
            self._warned = True
            warnings.warn(said, stacklevel=4)


def build_loader(cfg: Config, steps: Sequence[Mapping[str, Any]]) -> ImageLoader:
    """The loader of a config, with what its data preprocessor and backbone expect."""
    preprocessor = cfg.model.get('data_preprocessor') or {}
    mean = preprocessor.get('mean')
    backbone = cfg.model.get('backbone') or {}
    channels = len(mean) if mean is not None and len(mean) > 1 else backbone.get('in_channels')
    turned = bool(preprocessor.get('bgr_to_rgb') or preprocessor.get('rgb_to_bgr'))
    return ImageLoader(steps, channels, max(map(float, mean)) if mean else None, turned)

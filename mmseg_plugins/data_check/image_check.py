"""What is looked at in image files, whatever the kind of data set: they can be read, whole, and with all their bits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import cv2
from mmengine.dataset import Compose

from mmseg_plugins.config.loading_steps import loading_steps, reads_common_files, step_name
from mmseg_plugins.data_check.check_report import DatasetReport, spread
from mmseg_plugins.structures.image_headers import Header, lost_depth, read_header

ALL_PIXELS = 2**25  # bytes of the images of a set up to which all their pixels are read
OWN_BYTES = 2**28  # of the images of a set that are opened where a step of its own loads them whole
_DEPTHS = 5  # images of more than 8 bits whose values are looked at


@dataclass(frozen=True)
class ImageOptions:
    """How thoroughly image files are looked at: at all, headers of at most ``max_headers`` (None: all), pixels too."""

    max_headers: int | None = 2000
    decode: bool = False
    files: bool = True


@dataclass(frozen=True)
class OwnSteps:
    """Steps of a pipeline that load images otherwise than mmcv's with OpenCV or Pillow: npy, tifffile, GDAL, ..."""

    steps: tuple[Any, ...]

    @property
    def name(self) -> str:
        """The names of the steps."""
        return ', '.join(map(step_name, self.steps))

    def header(self, path: Path) -> Header | None:
        """Size of an image as it is loaded; None where the steps need more than a path, or give no (H, W, ...).

        Raises:
            OSError: they cannot load it.
        """
        try:
            loaded = self._pipeline(dict(img_path=str(path), img_id=0))
        except KeyError:  # of what a data set gives besides
            return None
        except Exception as error:  # a step is the user's program
            raise OSError(f'{self.name}, with which the config loads images, cannot read it '
                          f'({type(error).__name__}: {error})') from error
        if loaded is None:
            raise OSError(f'{self.name}, with which the config loads images, gives nothing for it')
        shape: tuple[int, ...] = getattr(loaded.get('img'), 'shape', ())
        if len(shape) not in (2, 3):
            return None
        return Header(shape[1], shape[0], False, self.name, depth=shape[2] if len(shape) == 3 else 1)

    @cached_property
    def _pipeline(self) -> Any:
        return Compose([dict(step) for step in self.steps])


#: How a data set's images are loaded: OpenCV's flags, steps of its own, or None for all else.
Loading: TypeAlias = int | OwnSteps | None
_DECODE_FLAGS = {'color': cv2.IMREAD_COLOR, 'grayscale': cv2.IMREAD_GRAYSCALE, 'unchanged': cv2.IMREAD_UNCHANGED}


def image_loading(pipeline: Any) -> Loading:
    """How a pipeline loads images."""
    steps = loading_steps(pipeline or ())
    if not reads_common_files(steps):
        return OwnSteps(tuple(steps))
    opencv = bool(steps) and steps[0].get('imdecode_backend', 'cv2') == 'cv2'
    return _DECODE_FLAGS.get(steps[0].get('color_type', 'color')) if opencv else None


def images_to_open(paths: Sequence[Path], options: ImageOptions, loading: Loading = None) -> tuple[list[int], bool]:
    """Indices of the images to open, and whether their pixels are read: if asked for, and of a small set."""
    if not options.files:
        return [], False
    chosen = spread(len(paths), None if options.decode else options.max_headers)
    if isinstance(loading, OwnSteps) and not options.decode:
        total = sum(paths[i].stat().st_size for i in chosen)
        most = max(1, int(len(chosen) * OWN_BYTES / total)) if total > OWN_BYTES else len(chosen)
        return [chosen[i] for i in spread(len(chosen), most)], False
    left = ALL_PIXELS
    for i in chosen if not options.decode else ():
        try:
            left -= paths[i].stat().st_size
        except OSError:
            continue
        if left < 0:
            return chosen, False
    return chosen, True


def open_image(report: DatasetReport, path: Path, place: tuple[Any, ...], decode: bool = False,
               loading: Loading = None) -> Header | None:
    """Header of an image; None, and a finding at ``place``, where it cannot be read; a finding where it loses bits.

    Args:
        place: name, image id and annotation id of the finding.
        decode: read the pixels, too.
        loading: how the config loads images.
    """
    try:
        header = loading.header(path) if isinstance(loading, OwnSteps) else read_header(path, decode, loading)
    except OSError as error:
        report.add('unreadable_image', *place, str(error))
        return None
    if header is not None:
        report.sizes.setdefault((header.width, header.height), path.name)
    if header is not None and header.channels and (isinstance(loading, OwnSteps) or loading == cv2.IMREAD_UNCHANGED):
        report.channels.setdefault(header.channels, path.name)
    if isinstance(loading, OwnSteps):
        note = f'images are loaded by {loading.name}, which takes or gives more than a picture: they were not opened'
        if header is None and note not in report.notes:
            report.notes.append(note)
        return header
    if header is None:
        return None
    if header.bits > 8 and loading not in (cv2.IMREAD_UNCHANGED, cv2.IMREAD_ANYDEPTH):
        report.add('file_header', *place, f'{header.bits} bits (mode {header.mode}) are cut to 8')
        if report.counts['file_header'] <= _DEPTHS and not any(' bits leaves ' in text for text in report.warnings):
            said = lost_depth(path)
            report.warnings += [said] if said else []
    return header

"""What is looked at in image files, whatever the kind of data set: they can be read, whole, and with all their bits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2

from mmseg_plugins.data_check.check_report import DatasetReport, spread
from mmseg_plugins.structures.image_headers import Header, lost_depth, read_header

ALL_PIXELS = 2**25  # bytes of the images of a set up to which all their pixels are read
_DEPTHS = 5  # images of more than 8 bits whose values are looked at


@dataclass(frozen=True)
class ImageOptions:
    """How thoroughly image files are looked at: at all, headers of at most ``max_headers`` (None: all), pixels too."""

    max_headers: int | None = 2000
    decode: bool = False
    files: bool = True


def images_to_open(paths: Sequence[Path], options: ImageOptions) -> tuple[list[int], bool]:
    """Indices of the images to open, and whether their pixels are read: if asked for, and of a small set."""
    if not options.files:
        return [], False
    chosen = spread(len(paths), None if options.decode else options.max_headers)
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
               flags: int | None = None) -> Header | None:
    """Header of an image; None, and a finding at ``place``, where it cannot be read; a finding where it loses bits.

    Args:
        place: name, image id and annotation id of the finding.
        decode: read the pixels, too.
        flags: with which OpenCV loads the images; None where another step does.
    """
    try:
        header = read_header(path, decode, flags)
    except OSError as error:
        report.add('unreadable_image', *place, str(error))
        return None
    if header.bits > 8 and flags not in (cv2.IMREAD_UNCHANGED, cv2.IMREAD_ANYDEPTH):
        report.add('file_header', *place, f'{header.bits} bits (mode {header.mode}) are cut to 8')
        if report.counts['file_header'] <= _DEPTHS and not any(' bits leaves ' in text for text in report.warnings):
            said = lost_depth(path)
            report.warnings += [said] if said else []
    return header

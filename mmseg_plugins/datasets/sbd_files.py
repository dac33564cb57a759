"""The files of the Semantic Boundaries Dataset (SBD), the ground truth of mAP^r on PASCAL VOC.

    ROOT/img/2008_000002.jpg     images
    ROOT/inst/2008_000002.mat    GTinst.Segmentation (H, W): 0 background, 1.. instances, 255 void;
                                 GTinst.Boundaries, GTinst.Categories (not read)
    ROOT/cls/2008_000002.mat     GTcls.Segmentation (H, W): 0 background, 1..20 classes, 255 void
    ROOT/train.txt, val.txt      one name a line

Data: http://home.bharathh.info/pubs/codes/SBD/download.html (benchmark.tgz, folder benchmark_RELEASE/dataset).

The lists inside the archive (8498 and 2857 images) are not those of the papers.  SDS, MNC and FCIS divide the same
11355 images into 5623 to train on and 5732 to evaluate on; the lists are data/VOCdevkit/VOCSDS/ImageSets/Main/{train,
val}.txt of https://github.com/msracver/FCIS .
"""

from __future__ import annotations

import zlib
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mmseg_plugins.structures.masks import mask_box
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.utils.suggest import what_is_there

CLASSES = (
    'aeroplane', 'bicycle', 'bird', 'boat', 'bottle', 'bus', 'car', 'cat', 'chair', 'cow', 'diningtable', 'dog',
    'horse', 'motorbike', 'person', 'pottedplant', 'sheep', 'sofa', 'train', 'tvmonitor',
)  # fmt: skip
BACKGROUND, VOID = 0, 255
FOLDERS = {'img': 'img/', 'inst': 'inst/', 'cls': 'cls/'}
SUFFIXES = {'img': '.jpg', 'inst': '.mat', 'cls': '.mat'}
LAYOUT = 'ROOT/img/*.jpg, ROOT/inst/*.mat, ROOT/cls/*.mat and lists of names ROOT/{train,val}.txt'
#: Number of names -> which list it is.
KNOWN_LISTS = {
    5623: 'the SDS split for training',
    5732: 'the SDS split for evaluation',
    8498: "SBD's own training list, which shares images with the SDS split for evaluation",
    2857: "SBD's own validation list, which is not the one of the papers",
}



class SBDInstance(NamedTuple):
    """One object: its class, 0..19 in the order of :data:`CLASSES`, and its mask (H, W) bool."""

    label: int
    mask: np.ndarray

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Half-open x1 y1 x2 y2 around the mask, in pixels."""
        return mask_box(self.mask) or (0, 0, 0, 0)


def read_names(path: Path) -> list[str]:
    """Names of images, one a line; blank lines are left out.

    Raises:
        UserError: no such file, no text in UTF-8, no name in it, or a name twice.
    """
    if not path.is_file():
        raise UserError(
            f'the list {path} does not exist. {what_is_there(path, folders=False)}',
            rule=f'the layout is {LAYOUT}.',
            fix=(
                'correct the path; the lists of the SDS split are in https://github.com/msracver/FCIS , '
                'data/VOCdevkit/VOCSDS/ImageSets/Main.'
            ),
        )
    try:
        names = [line.strip() for line in path.read_text(encoding='utf-8-sig').splitlines() if line.strip()]
    except UnicodeDecodeError as error:
        raise UserError(f'{path} is no UTF-8 text ({error}).', rule='one name a line, as 2008_000002.',
                        fix='save it as UTF-8.') from error
    if not names:
        raise UserError(f'{path} names no image.', rule='one name a line, as 2008_000002.', fix='copy the list again.')
    double = [name for name, number in Counter(names).items() if number > 1]
    if double:
        raise UserError(f'{path} names these images twice: {double[:5]}.', fix='remove the repeated lines.')
    return names


def read_segmentation(path: Path, kind: str) -> np.ndarray:
    """Label map (H, W) of one ``.mat`` file.

    Args:
        kind: ``GTinst`` or ``GTcls``, the structure in the file.

    Raises:
        ImportError: scipy is not installed.
        UserError: missing file, no MATLAB file, or another structure.
    """
    try:
        from scipy.io import loadmat
        from scipy.io.matlab import MatReadError
    except ImportError as error:
        raise UserError(f'reading {path} needs scipy.', fix='pip install scipy') from error
    try:
        content = loadmat(str(path), variable_names=[kind])
    except FileNotFoundError as error:
        raise UserError(f'{path} does not exist.', rule=f'the layout is {LAYOUT}.', fix='correct the path.') from error
    except (MatReadError, ValueError, TypeError, NotImplementedError, OSError, zlib.error) as error:
        raise UserError(f'{path} cannot be read as a MATLAB file: {error}.', fix='unpack the archive again.') from error
    structure = content.get(kind)
    names = getattr(getattr(structure, 'dtype', None), 'names', None) or ()
    if structure is None or 'Segmentation' not in names or structure.size != 1:
        found = f'{kind} with the fields {names}' if structure is not None else sorted(
            key for key in content if not key.startswith('__'))
        raise UserError(
            f'{path} has no {kind}.Segmentation, found {found}.',
            rule='files of inst/ hold GTinst, files of cls/ hold GTcls.',
            fix='are the two folders exchanged?',
        )
    labels = np.asarray(structure['Segmentation'].flat[0])
    if labels.ndim != 2:
        raise UserError(f'{path}: {kind}.Segmentation is {labels.shape}.', rule='(H, W).', fix='unpack it again.')
    return labels


def read_instances(inst_file: Path, cls_file: Path) -> tuple[tuple[int, int], list[SBDInstance]]:
    """Size (H, W) and objects of one image.

    Void pixels (255) belong to no object.  The class of an object is that of its pixels in the class map, as in the
    original, which asserts that there is only one.

    Raises:
        UserError: unreadable files, sizes that differ, or an object with no or several classes.
    """
    ids, classes = read_segmentation(inst_file, 'GTinst'), read_segmentation(cls_file, 'GTcls')
    if ids.shape != classes.shape:
        raise UserError(
            f'{inst_file} is {ids.shape[1]} x {ids.shape[0]}, {cls_file} {classes.shape[1]} x {classes.shape[0]}.',
            rule='equal sizes.',
            fix='unpack the archive again.',
        )
    instances = []
    for number in np.unique(ids):
        if number in (BACKGROUND, VOID):
            continue
        mask = ids == number
        found = [int(value) for value in np.unique(classes[mask]) if value != VOID]
        if len(found) != 1 or not 1 <= found[0] <= len(CLASSES):
            raise UserError(
                f'object {number} of {inst_file} covers the classes {found} of {cls_file}.',
                rule=f'exactly one of 1..{len(CLASSES)}.',
                fix='are both files of the same image?',
            )
        instances.append(SBDInstance(found[0] - 1, mask))
    return (int(ids.shape[0]), int(ids.shape[1])), instances

"""Files of a data set: listed, and images matched with what belongs to them by name."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.utils.suggest import near_names

#: Folders that say what their files are, not which image they belong to; lower case.
IMAGE_FOLDERS = ('images', 'image', 'imgs', 'img', 'img_dir', 'leftimg8bit', 'jpegimages')
LABEL_FOLDERS = ('masks', 'mask', 'labels', 'label', 'label_images', 'ann', 'ann_dir', 'annotations', 'gtfine',
                 'instances', 'segmentationobject')
#: Ends of the stems of label images and of the images of Cityscapes; lower case, longest first.
LABEL_ENDS = ('_gtfine_instanceids', '_instanceids', '_cp_masks', '_masks', '_mask', '_labels', '_label')
IMAGE_ENDS = ('_leftimg8bit',)
#: First folder of a name -> the split.
SPLITS = {'train': 'train', 'training': 'train', 'val': 'val', 'valid': 'val', 'validation': 'val', 'test': 'test'}


def plain(text: str) -> str:
    """A name as names are compared: composed characters (NFC), letter case ignored."""
    return unicodedata.normalize('NFC', text).casefold()


def find_file(path: Path) -> Path | None:
    """The file at a path or, where there is none, the one of its folder whose name differs only in letter case or in
    how its accents are encoded (NFC, NFD); None without one.
    """
    if path.is_file():
        return path
    same = [other for other in path.parent.iterdir() if plain(other.name) == plain(path.name)] \
        if path.parent.is_dir() else []
    return same[0] if len(same) == 1 and same[0].is_file() else None


def read_text(path: Path) -> str:
    """A text file in UTF-8, with or without byte order mark.

    Raises:
        UserError: another encoding.
    """
    try:
        return path.read_text(encoding='utf-8-sig')
    except UnicodeDecodeError as error:
        raise UserError(f'{path} is not UTF-8 text (byte {error.start}).', fix='save it as UTF-8.') from error


def is_label(name: str) -> bool:
    """Whether a relative name is that of a label image or mask, by its folder or its end."""
    path = PurePosixPath(plain(name))
    if any(part in LABEL_FOLDERS for part in path.parts[:-1]):
        return True
    return path.stem.endswith(LABEL_ENDS)


def match_key(name: str) -> str:
    """What the names of an image and its label image have in common: ``train/a`` of ``train/masks/a_mask.png``."""
    path = PurePosixPath(plain(name))
    folders = [part for part in path.parts[:-1] if part not in IMAGE_FOLDERS + LABEL_FOLDERS]
    stem = path.stem
    for end in (*LABEL_ENDS, *IMAGE_ENDS):
        if stem.endswith(end):
            stem = stem[:-len(end)]
            break
    return '/'.join([*folders, stem])


def by_key(names: Iterable[str]) -> dict[str, str]:
    """:func:`match_key` -> name.

    Raises:
        UserError: two names have the same key.
    """
    found: dict[str, str] = {}
    for name in names:
        other = found.setdefault(match_key(name), name)
        if other != name:
            raise UserError(f'{other} and {name} belong to the same name {match_key(name)!r}.',
                            rule='one file a name.', fix='rename or remove one.')
    return found


def no_image(label: str, images: Iterable[str], number: int) -> UserError:
    """The error for labels that belong to no image."""
    names = list(images)
    close = near_names(label, names, most=1, part=lambda name: PurePosixPath(name).stem)
    near = f' (did you mean {close[0]!r}?)' if close else f'; images are {", ".join(map(repr, names[:3]))}'
    return UserError(f'{number} label file{"s" * (number > 1)} without an image, such as {label!r}{near}.',
                     rule='a label file has the name of its image.', fix='rename them, or complete the images.')


def split_of(name: str) -> str | None:
    """The split that the folders of a relative name tell, or None."""
    folders = [part for part in PurePosixPath(plain(name)).parts[:-1] if part not in IMAGE_FOLDERS + LABEL_FOLDERS]
    return SPLITS.get(folders[0]) if folders else None


def output_stems(names: Sequence[str]) -> list[str]:
    """Names without suffix for N relative image names, no two of them equal, whatever letter case counts for.

    Where two would be equal, the suffix becomes part of them, and then a number.
    """
    stems = [PurePosixPath(name).with_suffix('').as_posix() for name in names]
    seen = Counter(stem.casefold() for stem in stems)
    taken = {stem for stem, number in seen.items() if number == 1}
    made = []
    for stem, name in zip(stems, names, strict=True):
        if seen[stem.casefold()] > 1:
            longer = f'{stem}_{PurePosixPath(name).suffix.lstrip(".")}'
            ends = ('', *(f'_{number}' for number in range(2, len(names) + 2)))
            stem = next(longer + end for end in ends if (longer + end).casefold() not in taken)
            taken.add(stem.casefold())
        made.append(stem)
    return made


def words_of(text: str) -> list[str]:
    """Words of a name's rest that may be a class: no numbers, no ``mask``, ``instance`` or ``object``."""
    words = re.split(r'[^\w]|_', text)
    return [word for word in words if word and not re.fullmatch(r'(mask|masks|instance|inst|object|obj)?\d*', word)]

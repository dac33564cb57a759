"""Label maps of colors, or of 0 and 255, as maps of class numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from mmseg_plugins.config.classes import class_list
from mmseg_plugins.data_prep.common import require_folder
from mmseg_plugins.structures.images import files_below, read_label_map, save_image
from mmseg_plugins.utils.atomic import atomic_write_bytes
from mmseg_plugins.utils.errors import UserError

CLASSES = 'classes.txt'
VOID = 255
_EXACT = ('.png', '.tif', '.tiff', '.bmp', '.gif')  # formats that keep each pixel's color
_Color = tuple[int, int, int]


def convert_label_maps(source: Path, out: Path, palette: Path | None = None,
                       void: Sequence[int] | None = None) -> tuple[tuple[str, ...], int]:
    """Write ``out/NAME.png`` of class numbers for each map below ``source``, and ``out/classes.txt``.

    Colors are classes in the order of ``palette``, without it in the order of their R, G, B. In maps of 0 and 255
    alone, 255 becomes class 1.

    Args:
        palette: A file with a line ``name R G B`` for each class.
        void: The color R, G, B that counts nowhere and becomes 255.

    Returns:
        The class names in label order, and the number of maps.

    Raises:
        UserError: no maps, JPEG, a color that the palette lacks, more than 255 colors, maps of class numbers already.
    """
    require_folder(source, 'a folder of label maps')
    if out.resolve() == source.resolve() or source.resolve() in out.resolve().parents:
        raise UserError(f'{out} lies in the folder of maps that are read.', fix='name another --out-dir.')
    names = _names(source)
    void_code = None if void is None else _code(void)
    if palette is None and _are_binary(source, names):
        classes: tuple[str, ...] = ('background', 'foreground')
        colors: list[_Color] = [(0, 0, 0), (255, 255, 255)]
    elif palette is None:
        colors = _found_colors(source, names, void_code)
        classes = tuple('rgb-{}-{}-{}'.format(*color) for color in colors)
    else:
        classes, colors = class_list(str(palette), '')
        _check_palette(palette, classes, colors)
    numbers = {_code(color): label for label, color in enumerate(colors)}
    if void_code is not None:
        numbers[void_code] = VOID
    for target, path in names.items():
        save_image(out / target, _renumber(_codes(path), numbers, path))
    lines = ''.join(f'{name} {r} {g} {b}\n' for name, (r, g, b) in zip(classes, colors, strict=True))
    atomic_write_bytes(str(out / CLASSES), lines.encode())
    return classes, len(names)


def _names(source: Path) -> dict[str, Path]:
    """Files below ``source`` by the name that is written."""
    blurred = files_below(source, ('.jpg', '.jpeg', '.webp'))
    if blurred:
        raise UserError(f'{blurred[0]} is a JPEG or WebP file, which blurs colors.', rule='PNG, TIFF, BMP or GIF.',
                        fix='export the maps again as PNG, or give the folder that holds maps alone.')
    names: dict[str, Path] = {}
    for path in files_below(source, _EXACT):
        other = names.setdefault(path.relative_to(source).with_suffix('.png').as_posix(), path)
        if other != path:
            raise UserError(f'{other} and {path} would be one file.', rule='one map a name.', fix='remove one.')
    if not names:
        raise UserError(f'{source} holds no label map.', rule='PNG, TIFF, BMP or GIF.', fix='correct the path.')
    return names


def _read(path: Path) -> np.ndarray:
    labels = read_label_map(path)
    if labels is None:
        raise UserError(f'{path} cannot be decoded.', fix='export it again.')
    return labels


def _are_binary(source: Path, names: Mapping[str, Path]) -> bool:
    """Whether all maps are of one channel and hold 0 and 255 alone; maps of other numbers are refused."""
    gray = [labels for labels in map(_read, names.values()) if labels.ndim == 2]
    if len(gray) < len(names):
        return False
    values = {int(value) * (VOID if labels.dtype == bool else 1) for labels in gray for value in np.unique(labels)}
    if values <= {0, VOID}:
        return True
    raise UserError(f'the maps of {source} have one channel and hold {sorted(values)[:8]}.',
                    rule='maps of colors, or of 0 and 255, are converted; these are class numbers.',
                    fix='use them as they are; or give --palette if the numbers are grays or indices of colors.')


def _codes(path: Path) -> np.ndarray:
    """The colors (H, W) of a map as R x 65536 + G x 256 + B; palette images by their colors."""
    from PIL import Image

    _read(path)
    with Image.open(path) as image:
        rgb = np.array(image.convert('RGB')).astype(np.int64)
    return rgb[..., 0] * 65536 + rgb[..., 1] * 256 + rgb[..., 2]


def _code(color: Sequence[int]) -> int:
    return color[0] * 65536 + color[1] * 256 + color[2]


def _color(code: int) -> _Color:
    return code // 65536, code // 256 % 256, code % 256


def _found_colors(source: Path, names: Mapping[str, Path], void: int | None) -> list[_Color]:
    codes: set[int] = set()
    for path in names.values():
        codes |= set(np.unique(_codes(path)).tolist()) - {void}
        if len(codes) > VOID:
            raise UserError(f'the maps of {source} hold more than {VOID} colors ({path}).',
                            rule='a color is a class.',
                            fix='export them without smoothing or scaling, or give --palette.')
    return [_color(code) for code in sorted(codes)]


def _check_palette(path: Path, classes: Sequence[str], colors: Sequence[_Color]) -> None:
    double = [color for i, color in enumerate(colors) if color in colors[:i]]
    if not colors or double or len(colors) > VOID:
        found = f'names {double[0]} twice' if double else f'has {len(colors)} colors and {len(classes)} names'
        raise UserError(f'{path} {found}.', rule=f'a line "name R G B" for each of at most {VOID} classes.',
                        fix='correct the file.')


def _renumber(codes: np.ndarray, numbers: Mapping[int, int], path: Path) -> np.ndarray:
    """Class numbers (H, W) of colors (H, W)."""
    found, places = np.unique(codes, return_inverse=True)
    unknown = [_color(code) for code in found.tolist() if code not in numbers]
    if unknown:
        raise UserError(f'{path} holds the colors {unknown[:4]}, which are of no class.',
                        rule='each color is in the palette.',
                        fix='add a line "name R G B", or --void R G B for the color that counts nowhere.')
    return np.array([numbers[code] for code in found.tolist()], np.uint8)[places].reshape(codes.shape)

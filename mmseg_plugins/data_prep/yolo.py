"""YOLO segmentation: a yaml with names and folders, and per image a text file of outlines in parts of its size.

Source of the format: https://docs.ultralytics.com/datasets/segment/ : a line is ``class x1 y1 x2 y2 ...``, 0..1 of
width and height; the text file of ``images/train/a.jpg`` is ``labels/train/a.txt``.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_plugins.data_prep.annotations import AnnotatedImage, AnnotationSet, ReadOptions, open_image
from mmseg_plugins.data_prep.names import SPLITS, find_file, no_image, read_text
from mmseg_plugins.structures.images import files_below
from mmseg_plugins.utils.atomic import atomic_write_bytes
from mmseg_plugins.utils.errors import UserError

LEAST = 7  # numbers of a line: a class and three points
SLACK = 0.01  # how far a point may lie outside; it is pulled in


def find_yaml(source: Path) -> Path | None:
    """The yaml of a data set: the file itself, or the one of the folder that has ``names``."""
    if source.is_file():
        return source if source.suffix.lower() in ('.yaml', '.yml') else None
    found = [path for path in sorted(source.glob('*.y*ml')) if not path.name.startswith('.')
             and isinstance(_content(path), dict) and 'names' in _content(path)]
    if len(found) > 1:
        raise UserError(f'{source} holds {len(found)} yaml files with names: {[path.name for path in found]}.',
                        fix='name one of them.')
    return found[0] if found else None


def _content(path: Path) -> Any:
    import yaml

    try:
        return yaml.safe_load(read_text(path))
    except yaml.YAMLError as error:
        raise UserError(f'{path} is no YAML: {" ".join(str(error).split())}.', fix='correct it.') from error


def read_names(content: Any, path: Path) -> list[str]:
    """Class names of a yaml, given as a list or as number -> name.

    Raises:
        UserError: none, gaps in the numbers, twice the same, or another number than ``nc``.
    """
    names = content.get('names') if isinstance(content, dict) else None
    if isinstance(names, dict):
        try:
            numbers = sorted(int(key) for key in names)
        except (TypeError, ValueError) as error:
            raise UserError(f'{path}: names has {sorted(map(str, names))[:4]} as class numbers.', rule='0, 1, 2, ...',
                            fix='names: [cat, dog]') from error
        if numbers != list(range(len(numbers))):
            raise UserError(f'{path}: the class numbers are {numbers[:8]}.', rule='0, 1, 2, ... without gaps.',
                            fix='name each class.')
        names = [names[key] for key in sorted(names, key=int)]
    if not isinstance(names, list) or not names:
        raise UserError(f'{path} has no "names".', rule='a list of class names.', fix='names: [cat, dog]')
    names = [str(name) for name in names]
    if len(set(names)) < len(names):
        raise UserError(f'{path} names a class twice: {names}.', rule='names differ.', fix='rename one.')
    if content.get('nc', len(names)) != len(names):
        raise UserError(f'{path}: nc is {content["nc"]}, but names has {len(names)}.', fix='correct one of the two.')
    return names


def _places(value: Any, roots: Sequence[Path], path: Path) -> list[Path]:
    """The image files that an entry of the yaml stands for: a folder, a list file, or several of them."""
    files: list[Path] = []
    for text in value if isinstance(value, list) else [value]:
        # Roboflow writes ../train/images for train/images.
        texts = [str(text), str(text).removeprefix('../')]
        found = next((root / one for root in roots for one in texts if (root / one).exists()), None)
        if found is None:
            raise UserError(f'{path} names {text!r}, which is not there.',
                            rule=f'relative to "path", or to {path.parent}.', fix='correct path, train or val.')
        if found.is_dir():
            files += files_below(found)
        else:
            listed = read_text(found).replace('\\', '/')  # of Windows
            lines = [line.strip() for line in listed.splitlines() if line.strip()]
            files += [found.parent / line if (found.parent / line).exists() else roots[0] / line for line in lines]
    return files


def split_files(source: Path, path: Path | None, content: Any) -> tuple[Path, dict[str, list[Path]]]:
    """The folder of the set and the image files of each split."""
    if path is None:
        return source, {'train': files_below(source)}
    root = path.parent
    given = Path(str(content.get('path') or '.'))
    roots = [root / given, root] if (root / given).is_dir() else [root]
    splits = {SPLITS[key]: _places(content[key], roots, path) for key in ('train', 'val', 'valid', 'validation', 'test')
              if content.get(key)}
    if not splits:
        raise UserError(f'{path} has neither train nor val.', rule='a folder of images each.',
                        fix='train: images/train')
    return roots[0], splits


def label_path(image: Path) -> Path:
    """The text file of an image: its last folder ``images`` is ``labels``, else next to it."""
    parts = list(image.with_suffix('.txt').parts)
    for index in range(len(parts) - 2, -1, -1):
        if parts[index].lower() == 'images':
            parts[index] = 'labels'
            break
    return Path(*parts)


def find_labels(image: Path) -> Path | None:
    """The text file of an image that is there, or None."""
    return find_file(label_path(image)) or find_file(image.with_suffix('.txt'))


def parse_line(line: str, classes: Sequence[str], where: str) -> tuple[int, np.ndarray, float | None]:
    """Class number, points (P, 2) in 0..1 and confidence (or None) of a line.

    Raises:
        UserError: no numbers, a box, an unknown class, or points in pixels.
    """
    words = line.split()
    try:
        values = [float(word) for word in words]
    except ValueError as error:
        raise UserError(f'{where}: {line[:40]!r} is not all numbers.', rule='class x1 y1 x2 y2 ...',
                        fix='export it again.') from error
    if not values[0].is_integer() or not 0 <= values[0] < len(classes):
        raise UserError(f'{where}: class {words[0]}, there are {len(classes)} names.',
                        rule=f'0 to {len(classes) - 1}.', fix='complete names in the yaml, or --classes.')
    if len(values) in (5, 6):
        raise UserError(f'{where}: {len(values) - 1} numbers after the class are a box.',
                        rule='an outline has at least 3 points.', fix='mmseg-plugins grabcut makes masks of boxes.')
    if len(values) < LEAST:
        raise UserError(f'{where}: {len(values) - 1} numbers after the class.', rule='at least 3 points x y.',
                        fix='draw it again.')
    score = values.pop() if len(values) % 2 == 0 else None  # confidences of a prediction come last
    points = np.array(values[1:]).reshape(-1, 2)
    worst = float(points.flat[np.abs(points - 0.5).argmax()])
    if not math.isfinite(worst) or abs(worst - 0.5) > 0.5 + SLACK:
        raise UserError(f'{where}: a coordinate is {worst:g}.', rule='0..1, parts of width and height.',
                        fix='divide x by the width and y by the height of the image.')
    return int(values[0]), points, score


def read_yolo(source: Path, options: ReadOptions) -> AnnotationSet:
    """Read a YOLO segmentation set: its yaml, its folder, or with ``options.classes`` a folder without yaml.

    An image without a text file, or with an empty one, is background; both are counted.

    Raises:
        UserError: no yaml and no classes; see :func:`parse_line`; text files of no image.
    """
    path = find_yaml(source)
    if path is None and not options.classes:
        raise UserError(f'{source} holds no yaml with the names of the classes.', rule='data.yaml with "names".',
                        fix='--classes NAME NAME ... in the order of the class numbers.')
    content = _content(path) if path else None
    if path and options.classes and list(options.classes) != read_names(content, path):
        raise UserError(f'--classes {" ".join(options.classes)}: {path} has the names {read_names(content, path)}.',
                        rule='the yaml says what the class numbers mean.', fix='leave --classes out.')
    classes = read_names(content, path) if path else list(options.classes or ())
    root, splits = split_files(source, path, content)
    counts: Counter[str] = Counter()
    used: set[Path] = set()
    read: dict[str, list[AnnotatedImage]] = {}
    for split, files in splits.items():
        if files and any(files == other for name, other in splits.items() if name in read):
            counts[f'split {split} left out: it names the images of another'] += 1
            continue
        _require_own_labels(files)
        if split == 'test' and len(splits) > 1 and not any(find_labels(file) for file in files):
            counts['test images left out, none has a text file'] += len(files)
            continue
        read[split] = [_read_image(file, root, classes, counts, used) for file in files]
        if not files:
            raise UserError(f'{split} of {path or source} holds no image.', fix='correct the path.')
    _require_images(splits, used)
    return AnnotationSet(classes, read, counts)


def _require_own_labels(files: Sequence[Path]) -> None:
    """UserError for a.jpg and a.png, which would share a.txt."""
    owners: dict[Path, Path] = {}
    for file in files:
        other = owners.setdefault(label_path(file), file)
        if other != file:
            raise UserError(f'{other.name} and {file.name} share the text file {label_path(file).name}.',
                            rule='one image a text file.', fix='rename or remove one.')


def _read_image(file: Path, root: Path, classes: Sequence[str], counts: Counter[str], used: set[Path]
                ) -> AnnotatedImage:
    image = open_image(file, _relative(file, root), 'the data set')
    labels = find_labels(file)
    if labels is None:
        counts['images without a text file taken as background'] += 1
        return image
    used.add(labels)
    size = np.array([image.width, image.height])
    for number, line in enumerate(read_text(labels).splitlines(), start=1):
        if line.strip():
            label, points, score = parse_line(line, classes, f'{_relative(labels, root)} line {number}')
            image.add_outlines(classes[label], [points * size], counts, score=score)
    return image


def _relative(path: Path, root: Path) -> str:
    try:
        return path.relative_to(root).as_posix()
    except ValueError:  # a list file may name any place
        return path.as_posix()


def _require_images(splits: Mapping[str, Iterable[Path]], used: set[Path]) -> None:
    """UserError for text files in the label folders that belong to no image, and where no image has one."""
    images = [file for files in splits.values() for file in files]
    if not used:
        raise UserError(f'none of {len(images)} images has a text file.', rule=f'such as {label_path(images[0])}.',
                        fix='put the text files there.')
    folders = sorted({label_path(file).parent for file in images} - {file.parent for file in images})
    # classes.txt is what labelImg leaves there
    lost = [path.name for folder in folders if folder.is_dir() for path in sorted(folder.glob('*.txt'))
            if path not in used and path.name != 'classes.txt' and not path.name.startswith('.')]
    if lost:
        raise no_image(lost[0], [file.name for file in images], len(lost))


def write_yolo(annotations: AnnotationSet, out: Path) -> list[Path]:
    """Write ``data.yaml`` and ``labels/<split>/<name>.txt``, one line an object.

    A line holds one outline: the parts of an object are joined by seams, lines that are walked there and back and
    hold no area.  Coordinates have 9 decimals, so that a corner of a pixel comes back as one.
    """
    for image in annotations.images():
        lines = []
        for item in image.objects:
            points = joined(item.polygons()) / np.array([image.width, image.height])
            number = annotations.classes.index(item.name)
            lines.append(' '.join([str(number), *(f'{value:.9f}'.rstrip('0').rstrip('.') for value in points.flat)]))
        target = (out / 'labels' / image.place).with_suffix('.txt')
        atomic_write_bytes(str(target), ''.join(f'{line}\n' for line in lines).encode(), durable=False)
    folders = {split: f'images/{split}' for split in annotations.splits}
    folders.setdefault('val', folders.get('train', next(iter(folders.values()))))
    folders.setdefault('train', folders['val'])
    lines = [f'{split}: {folder}' for split, folder in folders.items()]
    # JSON text is YAML, too, and quotes what YAML would take for something else.
    names = [f'  {number}: {json.dumps(name, ensure_ascii=False)}' for number, name in enumerate(annotations.classes)]
    # Without "path", Ultralytics takes the yaml's folder; a relative one would be that of its settings.
    atomic_write_bytes(str(out / 'data.yaml'), '\n'.join([*lines, 'names:', *names, '']).encode())
    return [out / 'data.yaml', out / 'labels']


def joined(outlines: Sequence[np.ndarray]) -> np.ndarray:
    """One outline (P, 2) of several: each further one is reached from the first point of all and left the same way."""
    first = outlines[0]
    walk = [first]
    for outline in outlines[1:]:
        walk += [first[:1], outline, outline[:1]]
    return np.concatenate([*walk, first[:1]] if len(outlines) > 1 else walk)

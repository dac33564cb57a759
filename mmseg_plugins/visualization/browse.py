"""Pictures of a built data set: as annotated, or as its pipeline gives it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_plugins.config.walk import base_datasets
from mmseg_plugins.structures.images import read_image, save_image
from mmseg_plugins.structures.rle import as_rle
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.utils.progress import track
from mmseg_plugins.visualization.levels import levels_sheet, true_levels
from mmseg_plugins.visualization.overlay import draw_instances
from mmseg_plugins.visualization.samples import Instances, draw_truth, input_image, original_image
from mmseg_plugins.visualization.semantic import complete_palette, draw_semantic
from mmseg_plugins.visualization.sheets import annotations_are_resized, contact_sheet


def draw_dataset(dataset: Any, folder: Path, number: int, stage: str, heading: str) -> tuple[list[Path], list[str]]:
    """Draw evenly spaced images of a built data set, and ``sheet.png`` with all of them.

    Args:
        dataset: As :func:`mmseg_plugins.config.build.build_dataset` makes it.
        folder: Where the pictures go.
        number: Images at most.
        stage: ``pipeline``, what it gives; ``original``, the image files with their annotations; ``levels``, what the
            pipeline gives at four levels next to each other.
        heading: One line above the sheet.

    Returns:
        The paths of the pictures, the sheet last, and one line for each image that could not be drawn.
    """
    source = next(base_datasets(dataset)) if stage == 'original' else dataset
    draw = {'original': draw_original_item, 'levels': draw_levels_item}.get(stage, draw_pipeline_item)
    chosen = np.unique(np.linspace(0, len(source) - 1, min(number, len(source))).round().astype(int))
    written, failures, pictures = [], [], []
    for index in track([int(value) for value in chosen], description='Drawing'):
        try:
            title, picture = draw(source, index)
        except (OSError, UserError, AssertionError, ValueError) as error:
            failures.append(f'index {index}: {type(error).__name__}: {error}')
            continue
        written.append(save_image(folder / f'{index:06d}.jpg', picture))
        pictures.append((title, picture))
    if pictures:
        wide = stage == 'levels'
        sheet = contact_sheet(pictures, 1 if wide else min(4, len(pictures)), 1200 if wide else 400, heading)
        written.append(save_image(folder / 'sheet.png', sheet))
    return written, failures


def draw_pipeline_item(dataset: Any, index: int) -> tuple[str, np.ndarray]:
    """``(title, picture)`` of what the pipeline gives for one index.

    At test time hosts resize the image but not its annotations; then the
    original image is drawn, since that is their frame.

    Raises:
        UserError: the pipeline gave nothing (mm would silently take another image).
    """
    title, image, sample = _pipeline_item(dataset, index)
    caption, picture = draw_truth(image, sample, dataset.metainfo)
    return f'{title}  {caption}', picture


def draw_levels_item(dataset: Any, index: int) -> tuple[str, np.ndarray]:
    """``(title, picture)`` of what the pipeline gives for one index: objects, classes, instances, panoptic segments.

    Raises:
        UserError: the pipeline gave nothing, or not both masks of things and a label map.
    """
    title, image, sample = _pipeline_item(dataset, index)
    levels = true_levels(sample)
    if levels.panoptic is None:
        raise UserError(f'{type(dataset).__name__} with its pipeline gives no masks of things and label maps.',
                        rule='--stage levels draws panoptic data.', fix='another --stage, or a panoptic config.')
    return title, levels_sheet(image, levels, dataset.metainfo)


def _pipeline_item(dataset: Any, index: int) -> tuple[str, np.ndarray, Any]:
    """Title, image (H, W, 3) BGR and sample of one index, in the frame of the annotations."""
    item = dataset[index]
    if item is None:
        raise UserError(f'the pipeline gave nothing for index {index}; training would silently take another image')
    sample, inputs = item['data_samples'], item['inputs']
    same = tuple(sample.get('ori_shape', ())[:2]) == tuple(inputs.shape[-2:])
    original = getattr(dataset, 'test_mode', False) and not same and not annotations_are_resized(dataset)
    image = original_image(sample, inputs) if original else input_image(inputs)
    name = Path(sample.get('img_path', None) or '').name
    return f'{index} {name}  {image.shape[1]} x {image.shape[0]}', image, sample


def draw_original_item(dataset: Any, index: int) -> tuple[str, np.ndarray]:
    """``(title, picture)`` of an image file with the annotations of the data set, nothing transformed.

    Crowds and ignored instances are drawn too.

    Raises:
        UserError: the image file is missing or damaged.
    """
    info = dataset.get_data_info(index)
    image = read_image(info['img_path'])
    names = list(dataset.metainfo.get('classes') or ())
    title = f'{index} {Path(info["img_path"]).name}  {image.shape[1]} x {image.shape[0]}'
    if 'instances' not in info:
        palette = dataset.metainfo.get('palette')
        colors = complete_palette(None if isinstance(palette, str) else palette, len(names))
        return title, draw_semantic(image, original_labels(dataset, index), colors)
    truth = original_instances(dataset, index, image.shape[:2])
    drawn = draw_instances(image, truth.masks, truth.boxes, truth.labels, None, names)
    return f'{title}  {len(truth.labels)} instances', drawn


def original_labels(dataset: Any, index: int) -> np.ndarray:
    """The annotated label map (H, W) of one image in its own frame, class numbers and 255.

    Raises:
        ValueError: the data set holds no label maps.
    """
    info = dataset.get_data_info(index)
    steps = getattr(dataset.pipeline, 'transforms', [])
    loader = next((step for step in steps if type(step).__name__.endswith('LoadAnnotations')), None)
    if loader is None or not info.get('seg_map_path'):
        raise UserError(f'{type(dataset).__name__} holds no label maps.', fix='take a semantic segmentation config.')
    return np.asarray(loader(info)['gt_seg_map'])


def original_instances(dataset: Any, index: int, size: tuple[int, int] | None = None) -> Instances:
    """The annotated instances of one image in its own frame, masks as RLE, crowds and ignored ones included.

    Args:
        size: Height and width of the image, where they are not those of the annotation file.

    Raises:
        ValueError: the data set holds no instances.
    """
    info = dataset.get_data_info(index)
    if 'instances' not in info:
        raise UserError(f'{type(dataset).__name__} holds no instances.', fix='take an instance segmentation config.')
    instances = info['instances']
    masks = [_mask(item, size or (info['height'], info['width'])) for item in instances]
    return Instances(
        None if any(mask is None for mask in masks) else masks,
        np.array([item['bbox'] for item in instances], np.float32).reshape(-1, 4),
        np.array([item['bbox_label'] for item in instances], np.int64),
        None,
    )


def _mask(item: Mapping[str, Any], size: tuple[int, int]) -> Any:
    """RLE of an annotation given as polygons or RLE; None where there is no segmentation."""
    segmentation = item.get('mask')
    if not segmentation or isinstance(segmentation, Mapping):
        return segmentation or None
    return as_rle(segmentation, *size)

"""Contact sheets: a grid of titled pictures on one page; data samples with their ground truth and predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mmseg_plugins.structures.images import as_bgr
from mmseg_plugins.visualization import samples
from mmseg_plugins.visualization.semantic import draw_legend
from mmseg_plugins.visualization.text import put_text, shorten, text_size

GAP = 8  # px between pictures and around the page
TITLE_SIZE = 14  # px
HEADING_SIZE = 18  # px


def contact_sheet(
    pictures: Sequence[tuple[str, np.ndarray]], columns: int = 4, cell: int = 400, heading: str | None = None
) -> np.ndarray:
    """Put N titled pictures into a grid, row by row.

    To lay prediction next to ground truth, give them in turn with an even number of columns.

    Args:
        pictures: ``(title, image)`` with images (H, W, 3) uint8 BGR of any size.
        columns: Pictures in a row.
        cell: Width of a picture on the sheet in px; its height follows from the
            largest height-to-width ratio of its row, but is at most 1.5 cells.
        heading: One line above everything.

    Returns:
        uint8 BGR page of width ``columns * cell + (columns + 1) * GAP``.

    Raises:
        ValueError: no picture, or ``columns < 1``.
    """
    if not pictures or columns < 1:
        raise ValueError(f'a contact sheet needs pictures and columns, got {len(pictures)} and {columns}')
    width = columns * cell + (columns + 1) * GAP
    rows = [_row(pictures[start:start + columns], width, cell) for start in range(0, len(pictures), columns)]
    if heading:
        head = np.full((text_size('x', HEADING_SIZE, bold=True)[1] + GAP, width, 3), 255, np.uint8)
        put_text(head, shorten(heading, width - 2 * GAP, HEADING_SIZE, True), GAP, GAP, HEADING_SIZE, (0, 0, 0), True)
        rows.insert(0, head)
    rows.append(np.full((GAP, width, 3), 255, np.uint8))
    return np.concatenate(rows)


def _row(pictures: Sequence[tuple[str, np.ndarray]], width: int, cell: int) -> np.ndarray:
    fitted = [fit_picture(image, cell, int(1.5 * cell)) for _, image in pictures]
    title_height = text_size('x', TITLE_SIZE)[1]
    height = max(image.shape[0] for image in fitted)
    row = np.full((GAP + title_height + height, width, 3), 255, np.uint8)
    for column, ((title, _), image) in enumerate(zip(pictures, fitted, strict=True)):
        x, y = GAP + column * (cell + GAP), GAP + title_height
        put_text(row, shorten(title, cell, TITLE_SIZE), x, GAP, TITLE_SIZE, (40, 40, 40))
        row[y:y + image.shape[0], x:x + image.shape[1]] = image
    return row


def fit_picture(image: np.ndarray, width: int, height: int) -> np.ndarray:
    """An image as uint8 BGR, resized to fit into width x height px, keeping the aspect ratio."""
    image = as_bgr(image)
    scale = min(width / image.shape[1], height / image.shape[0])
    size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)


class SampleSheet:
    """Collects drawn samples up to a limit, then makes one page of them.

    Args:
        limit: Samples on the page.
        meta: The data set's ``metainfo``: ``classes`` and ``palette``.
    """

    def __init__(self, limit: int, meta: Mapping[str, Any]) -> None:
        self.limit = limit
        self.meta = meta
        self._pictures: list[tuple[str, np.ndarray]] = []
        self._samples = 0
        self._semantic = False

    @property
    def full(self) -> bool:
        return self._samples >= self.limit

    def add_truth(self, inputs: Any, sample: Any) -> None:
        """One training sample: network input (C, H, W) and the ground truth in its frame."""
        if self.full:
            return
        caption, picture = samples.draw_truth(samples.input_image(inputs), sample, self.meta)
        self._add(f'{_name(sample)}  {inputs.shape[-1]} x {inputs.shape[-2]}  {caption}', picture, sample)
        self._samples += 1

    def add_pair(self, inputs: Any, sample: Any, score_thr: float, scaled: bool) -> None:
        """One predicted sample: ground truth, then prediction, on the original image; ``scaled``: :mod:`.samples`."""
        if self.full:
            return
        image = samples.original_image(sample, inputs)
        caption, picture = samples.draw_truth(image, samples.truth_in_original_frame(sample, scaled), self.meta)
        prediction = samples.draw_prediction(image, sample, self.meta, score_thr)
        self._add(f'{_name(sample)}  {caption}', picture, sample)
        self._add(*prediction, sample)
        self._samples += 1

    def page(self, heading: str, columns: int = 4) -> np.ndarray | None:
        """The page, with a legend below where label maps were drawn; None without samples."""
        if not self._pictures:
            return None
        page = contact_sheet(self._pictures, min(columns, len(self._pictures)), heading=heading)
        names = list(self.meta.get('classes') or ())
        if not self._semantic or not names:
            return page
        palette = self.meta.get('palette')
        legend = draw_legend(names, None if isinstance(palette, str) else palette, page.shape[1])
        return np.concatenate([page, legend])

    def _add(self, title: str, picture: np.ndarray, sample: Any) -> None:
        self._semantic = self._semantic or 'gt_instances' not in sample
        self._pictures.append((title.strip(), picture))


def annotations_are_resized(dataset: Any) -> bool:
    """Whether a data set's pipeline loads annotations before it resizes the image, so that they are resized too."""
    names = [type(step).__name__ for step in getattr(getattr(dataset, 'pipeline', None), 'transforms', ())]
    loads = [index for index, name in enumerate(names) if name.endswith('Annotations') and name.startswith('Load')]
    resizes = [index for index, name in enumerate(names) if 'Resize' in name or 'Scale' in name]
    return bool(loads and resizes) and loads[0] < resizes[-1]


def _name(sample: Any) -> str:
    return Path(sample.get('img_path', None) or '').name

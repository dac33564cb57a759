"""Contact sheets of data samples: truth alone, or prediction beside truth."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_plugins.visualization import samples
from mmseg_plugins.visualization.semantic import draw_legend
from mmseg_plugins.visualization.sheets import contact_sheet


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
        """One training sample: network input (C, H, W) and the truth in its frame."""
        if self.full:
            return
        caption, picture = samples.draw_truth(samples.input_image(inputs), sample, self.meta)
        self._add(f'{_name(sample)}  {inputs.shape[-1]} x {inputs.shape[-2]}  {caption}', picture, sample)
        self._samples += 1

    def add_pair(self, inputs: Any, sample: Any, score_thr: float, scaled: bool) -> None:
        """One predicted sample: truth, then prediction, on the original image; see :mod:`.samples` for ``scaled``."""
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

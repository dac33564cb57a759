"""The one mechanism of all systems without training: a function from an image to a map of labels.

::

    image --> method --> foreground, bool --> clean --> divide or connected parts --> labels
                   `---> labels (normalized cuts, region growing) -------> keep_large --'

Shapes: images (H, W, 3) BGR, maps (H, W).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from mmseg_plugins.models.classical import foreground, regions
from mmseg_plugins.models.classical.objects import connected_parts, divide_by_distance, keep_large
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.utils.suggest import did_you_mean

#: Name of a method -> its function: image (H, W, 3) -> foreground (H, W) bool, or labels (H, W) of integers.
METHODS: dict[str, Callable[..., np.ndarray]] = {
    'otsu': foreground.otsu,
    'adaptive': foreground.adaptive,
    'multi_otsu': foreground.multi_otsu,
    'k_means': foreground.k_means,
    'region_growing': regions.region_growing,
    'random_walker': regions.random_walker,
    'normalized_cuts': regions.normalized_cuts,
}


class LabelMaps:
    """Image (H, W, 3) -> labels (H, W) int32: 0 for background, 1..N for objects.

    Args:
        method: A name of :data:`METHODS`.
        settings: Keyword arguments of that function.
        min_area: Smaller objects are left out, px.
        fill_holes: Of the foreground.
        divide: Arguments of :func:`~mmseg_plugins.models.classical.objects.divide_by_distance`, which divides touching
            objects; None leaves connected parts whole.  Methods that give labels do not use it.

    Raises:
        UserError: no such method, or a setting that it does not have.
    """

    def __init__(self, method: str, settings: Mapping[str, Any] | None = None, *, min_area: int = 20,
                 fill_holes: bool = True, divide: Mapping[str, Any] | None = None) -> None:
        if method not in METHODS:
            raise UserError(f'method={method!r}{did_you_mean(method, METHODS)}', rule=f'one of {", ".join(METHODS)}.',
                            fix='correct method.')
        self.method, self.settings = METHODS[method], dict(settings or {})
        self.min_area, self.fill_holes = min_area, fill_holes
        self.divide = None if divide is None else dict(divide)
        _check_settings(f'method {method}', self.method, self.settings)
        _check_settings('divide', divide_by_distance, self.divide or {})

    def __call__(self, image: np.ndarray) -> np.ndarray:
        found = self.method(image, **self.settings)
        if found.dtype == np.bool_:
            mask = foreground.clean(found, self.min_area, self.fill_holes)
            found = connected_parts(mask) if self.divide is None else divide_by_distance(mask, **self.divide)
        return keep_large(found, self.min_area)


def _check_settings(name: str, function: Callable[..., Any], settings: Mapping[str, Any]) -> None:
    known = [key for key, parameter in inspect.signature(function).parameters.items()
             if parameter.kind is inspect.Parameter.KEYWORD_ONLY]
    for key in settings:
        if key not in known:
            raise UserError(f'{name} has no setting {key!r}{did_you_mean(key, known)}',
                            rule=f'its settings are {", ".join(known)}.', fix='correct or remove it.')

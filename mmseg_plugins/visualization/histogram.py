"""Class histogram of a data set as PNG."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from mmseg_plugins.visualization.figures import new_figure, save_figure


def draw_class_histogram(
    class_names: Sequence[str],
    counts: Sequence[int],
    path: str | os.PathLike[str],
    title: str,
    *,
    unit: str = 'instances',
    images: Sequence[int] | None = None,
) -> Path:
    """One horizontal bar a class, in class order, with its number written beside it.

    Args:
        class_names: C names, class order.
        counts: C numbers of ``unit``; a class with none is marked in red.
        images: C numbers of images that hold the class, written beside the count.

    Raises:
        ValueError: the lists differ in length.
    """
    if len(class_names) != len(counts) or (images is not None and len(images) != len(counts)):
        raise ValueError(
            f'{len(class_names)} class names, {len(counts)} counts and '
            f'{"no" if images is None else len(images)} image counts; one of each per class is needed'
        )
    figure = new_figure(9, max(2.2, 1.2 + 0.26 * len(counts)))
    axes = figure.add_subplot()
    places = range(len(counts))
    axes.barh(places, counts, color=['C0' if count else 'red' for count in counts], height=0.75)
    present = [count for count in counts if count]
    log = bool(present) and max(present) > 50 * min(present)
    if log:
        axes.set_xscale('log')
        axes.set_xlim(left=max(0.5, min(present) / 2), right=max(present) * 6)
    else:
        axes.set_xlim(0, max([1, *counts]) * 1.25)
    left = axes.get_xlim()[0]
    for place, count in zip(places, counts, strict=True):
        text = f' {count:,}' + (f' in {images[place]:,} images' if images is not None else '')
        axes.text(max(count, left), place, text, va='center', fontsize=8, color='black' if count else 'red')
    axes.set_yticks(list(places), [f'{index} {name}' for index, name in enumerate(class_names)], fontsize=8)
    axes.invert_yaxis()
    axes.set(title=title, xlabel=f'{unit} (log scale)' if log else unit)
    axes.grid(True, axis='x', alpha=0.3)
    return save_figure(figure, path)

"""Measures of a data set in six small plots on one PNG."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_plugins.visualization.figures import new_figure, save_figure


def draw_fit(
    path: str | os.PathLike[str],
    title: str,
    *,
    sizes: np.ndarray,
    nearest: np.ndarray,
    counts: np.ndarray,
    near: float,
    best_ious: Mapping[str, np.ndarray],
    levels: Mapping[str, np.ndarray],
    strides: Sequence[int],
    mask_sizes: Sequence[int],
    mask_ious: np.ndarray,
) -> Path:
    """Draw sizes, distances, counts, anchor overlap, RoI levels and mask resolution.

    Args:
        sizes: (N,) sqrt(box area) in px.
        nearest: (N,) distance to the nearest centre in px; infinity for an object alone.
        counts: (W,) objects in each whole image.
        near: Distance (px) that is marked.
        best_ious: Name of a setting -> (N,) best IoU with an anchor.
        levels: Name of a setting -> (K,) share of the objects on each level.
        strides: K strides of the levels.
        mask_sizes, mask_ious: M resolutions, and the (n, M) IoU of masks stored at them.
    """
    figure = new_figure(13, 7)
    figure.suptitle(title)
    axes = figure.subplots(2, 3).flatten()
    _histogram(axes[0], sizes, 'sqrt(box area), px', 'objects', log=True)
    _histogram(axes[1], nearest[np.isfinite(nearest)], 'distance to the nearest centre, px', 'objects', log=True)
    axes[1].axvline(near, color='C3', linewidth=1, label=f'{near:g} px')
    axes[1].legend(fontsize=8, frameon=False)
    _histogram(axes[2], counts, 'objects in a whole image', 'images')
    for name, ious in best_ious.items():
        axes[3].plot(np.sort(ious), 1 - np.arange(len(ious)) / max(len(ious), 1), label=name)
    axes[3].set(xlabel='IoU of the best anchor at least', ylabel='share of the objects', xlim=(0, 1), ylim=(0, 1.02))
    axes[3].legend(fontsize=8, frameon=False)
    _bars(axes[4], levels, [f'stride {stride}' for stride in strides])
    axes[4].set(ylabel='share of the RoIs', ylim=(0, 1.02))
    axes[5].boxplot(mask_ious, showfliers=False, whis=(5, 95))
    axes[5].set_xticks(range(1, len(mask_sizes) + 1), [str(size) for size in mask_sizes])
    axes[5].set(xlabel='mask stored as M x M', ylabel='IoU at best (box 25..75 %, lines 5..95 %)')
    for one in axes:
        one.grid(True, alpha=0.3)
    return save_figure(figure, path)


def _histogram(axes: Any, values: np.ndarray, x_label: str, y_label: str, log: bool = False) -> None:
    """Histogram with whole numbers or, with ``log``, on a logarithmic axis."""
    values = np.asarray(values, float)
    if not len(values):
        axes.text(0.5, 0.5, 'nothing to show', ha='center', va='center', transform=axes.transAxes)
    elif log:
        low, high = max(values.min(), 0.5), max(values.max(), 1.0) * 1.01
        axes.hist(np.maximum(values, low), bins=np.geomspace(low, high, 41), color='C0')
        axes.set_xscale('log')
    else:
        axes.hist(values, bins=40, color='C0')
    axes.set(xlabel=x_label, ylabel=y_label)


def _bars(axes: Any, groups: Mapping[str, np.ndarray], names: Sequence[str]) -> None:
    width = 0.8 / max(len(groups), 1)
    places = np.arange(len(names))
    for index, (name, values) in enumerate(groups.items()):
        axes.bar(places + (index - (len(groups) - 1) / 2) * width, values, width, label=name)
    axes.set_xticks(places, names)
    axes.legend(fontsize=8, frameon=False)

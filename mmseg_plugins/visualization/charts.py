"""Matplotlib charts as PNG: curves of a run, class histograms, measures of a data set.

No global state: a figure on the Agg canvas, saved and forgotten.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mmseg_plugins.utils.atomic import atomic_write

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Series = tuple[Sequence[float], Sequence[float]]  # x values, y values


def new_figure(width: float, height: float) -> Figure:
    """A figure of width x height inches that needs no display and no pyplot."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout='constrained')
    FigureCanvasAgg(figure)
    return figure


def save_figure(figure: Figure, path: str | os.PathLike[str], dpi: int = 110) -> Path:
    """Write a PNG whole or not at all, so that a viewer never sees half a picture."""
    atomic_write(str(path), lambda file: figure.savefig(file, dpi=dpi, format='png'), durable=False)
    return Path(path)


def smooth(values: np.ndarray, window: int) -> np.ndarray:
    """Centred moving mean of (N,) values over at most ``window`` neighbours; NaN is left out, ends use fewer."""
    known = np.isfinite(values)
    kernel = np.ones(window)
    total = np.convolve(np.where(known, values, 0.0), kernel, mode='same')
    weight = np.convolve(known.astype(float), kernel, mode='same')
    return np.divide(total, weight, out=np.full(len(values), np.nan), where=weight > 0)


def draw_curves(
    series: Mapping[str, Series],
    path: str | os.PathLike[str],
    title: str,
    y_label: str,
    *,
    log_y: bool = False,
    bold: Sequence[str] = (),
    x_label: str = 'iteration',
) -> Path:
    """Draw named curves into one PNG.

    Long noisy curves (more than 50 points) are drawn faintly with a moving mean
    on top.  Curves without a finite value are listed as empty in the legend.

    Args:
        series: Name -> (x, y); NaN in y leaves a gap.
        path: The PNG to write.
        bold: Names that are drawn thicker (the total loss).
        log_y: Logarithmic y axis, only where every value is positive.
    """
    figure = new_figure(10, 5.5)
    axes = figure.add_subplot()
    plot_curves(axes, series, title, y_label, log_y=log_y, bold=bold, x_label=x_label)
    if series:
        axes.legend(loc='upper left', bbox_to_anchor=(1.01, 1.0), fontsize=8, frameon=False)
    return save_figure(figure, path)


def draw_runs(
    panels: Mapping[str, Mapping[str, Series]], path: str | os.PathLike[str], title: str, log_y: Sequence[str] = ()
) -> Path:
    """Draw several runs into one PNG: a panel a scalar, in each a curve a run, of one color in all panels.

    Args:
        panels: Scalar -> run -> (x, y).
        path: The PNG to write.
        log_y: Scalars with a logarithmic axis.
    """
    figure = new_figure(6.5 * len(panels) + 3, 5.5)
    names = list(dict.fromkeys(name for series in panels.values() for name in series))
    for index, (scalar, series) in enumerate(panels.items()):
        axes = figure.add_subplot(1, len(panels), index + 1)
        ordered = {name: series.get(name, ([], [])) for name in names}
        plot_curves(axes, ordered, scalar, scalar, log_y=scalar in log_y)
        axes.legend(fontsize=7, frameon=False, loc='upper left', bbox_to_anchor=(0.0, -0.12), ncols=2)
    figure.suptitle(title)
    return save_figure(figure, path)


def plot_curves(
    axes: Axes,
    series: Mapping[str, Series],
    title: str,
    y_label: str,
    *,
    log_y: bool = False,
    bold: Sequence[str] = (),
    x_label: str = 'iteration',
) -> None:
    """Draw named curves into the axes of a figure, as :func:`draw_curves` says."""
    positive = True
    for index, (name, (x_values, y_values)) in enumerate(series.items()):
        x, y = np.asarray(x_values, float), np.asarray(y_values, float)
        finite = y[np.isfinite(y)]
        positive = positive and bool((finite > 0).all())
        color, style = f'C{index % 10}', ('-', '--', ':', '-.')[index // 10 % 4]
        wide = 2.4 if name in bold else 1.4
        if len(finite) > 50:
            axes.plot(x, y, color=color, linewidth=0.6, alpha=0.25)
            y = smooth(y, max(5, len(y) // 40))
        marker = 'o' if len(finite) <= 20 else None
        label = _label(name, finite)
        axes.plot(x, y, style, color=color, linewidth=wide, marker=marker, markersize=3.5, label=label)
    if log_y and positive and series:
        axes.set_yscale('log')
    axes.set(title=title, xlabel=x_label, ylabel=y_label)
    axes.grid(True, alpha=0.3)
    if not series:
        axes.text(0.5, 0.5, 'nothing recorded yet', ha='center', va='center', transform=axes.transAxes)


def _label(name: str, finite: np.ndarray) -> str:
    return f'{name} ({finite[-1]:.4g})' if len(finite) else f'{name} (empty)'


def draw_class_histogram(
    class_names: Sequence[str],
    counts: Sequence[int],
    path: str | os.PathLike[str],
    title: str,
    *,
    unit: str = 'instances',
    images: Sequence[int] | None = None,
) -> Path:
    """One horizontal bar a class, in class order, with its number written next to it.

    Args:
        class_names: C names, class order.
        counts: C numbers of ``unit``; a class with none is marked in red.
        images: C numbers of images that hold the class, written next to the count.

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
        nearest: (N,) distance to the nearest center in px; infinity for an object alone.
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

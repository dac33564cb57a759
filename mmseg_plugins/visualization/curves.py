"""Curves of a run (losses, metrics, learning rate) as PNG."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mmseg_plugins.visualization.figures import new_figure, save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Series = tuple[Sequence[float], Sequence[float]]  # x values, y values


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
    """Draw several runs into one PNG: a panel a scalar, in each a curve a run, of one colour in all panels.

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

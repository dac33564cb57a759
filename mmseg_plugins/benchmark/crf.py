"""Time and memory of the dense CRF, next to pydensecrf where that is installed and next to ConvCRF."""

from __future__ import annotations

import importlib
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from mmseg_plugins.models.crf import CRFParams, conv_crf
from mmseg_plugins.models.crf.dense_crf import crf_messages, crf_mixes
from mmseg_plugins.models.crf.mean_field import mean_field
from mmseg_plugins.utils import environment

Clock = Callable[[], float]


def synthetic_picture(height: int, width: int, seed: int = 0) -> Tensor:
    """(3, H, W) uint8: smooth regions with sharp edges and a little noise, about as many colours as a photo."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, height // 40 + 2, width // 40 + 2, generator=generator) * 255
    regions = F.interpolate(coarse, size=(height, width), mode='nearest')
    shades = F.interpolate(coarse.roll(1, 2), size=(height, width), mode='bicubic')
    noise = 6 * torch.randn(1, 3, height, width, generator=generator)
    return (0.5 * regions + 0.5 * shades + noise)[0].clamp(0, 255).byte()


def smooth_scores(classes: int, height: int, width: int, seed: int = 0) -> Tensor:
    """Logits (1, C, H, W) that change slowly, as a network's with a stride."""
    generator = torch.Generator().manual_seed(seed)
    coarse = 3 * torch.randn(1, classes, height // 32 + 1, width // 32 + 1, generator=generator)
    return F.interpolate(coarse, size=(height, width), mode='bicubic')


@torch.no_grad()
def measure_crf(image: Tensor, classes: int, params: CRFParams, rounds: int = 5, device: str = 'cpu',
                clock: Clock = time.perf_counter) -> dict[str, Any]:
    """Time all of them in turns, and compare the marginals.

    Args:
        image: (3, H, W) uint8, RGB.
        classes: C.
        params: Of the dense CRF, whose compatibilities must be numbers for pydensecrf.

    Returns:
        ``ours`` and ``pydensecrf`` (None where it cannot be imported): ``setup_s`` and ``inference_s``, medians of
        ``clock``; ``conv_crf_s``; ``peak_mb``, what our run takes above its inputs and outputs (resident memory on a
        CPU); ``vertices``, of each lattice; ``largest_difference`` and ``other_labels`` of the marginals' arg-max.
    """
    height, width = image.shape[-2:]
    probabilities = smooth_scores(classes, height, width).to(device).softmax(1)
    colours = image.to(device)
    logits = probabilities.clamp(1e-5, 1).log()
    mixes = crf_mixes(params, logits)
    peer = _pydensecrf()
    conv_crf(logits, colours[None])
    times: dict[str, list[tuple[float, ...]]] = dict(ours=[], pydensecrf=[], conv_crf=[])
    marginals = theirs = None

    def ours() -> tuple[float, float]:
        nonlocal marginals
        start = _now(clock, device)
        messages = crf_messages(colours, params, logits.dtype, pad_to_multiple=4)
        middle = _now(clock, device)
        rows = logits[0].flatten(1).t().contiguous()
        marginals = mean_field(rows, messages, mixes, params.iterations).softmax(1).t().reshape(logits.shape[1:])
        return middle - start, _now(clock, device) - middle

    for number in range(rounds + 1):  # the first warms up
        run = ours()
        times['ours'] += [run] * (number > 0)
        if peer is not None:
            setup, inference, theirs = _run_pydensecrf(peer, image, probabilities[0].cpu().numpy(), params, clock)
            times['pydensecrf'] += [(setup, inference)] * (number > 0)
        start = _now(clock, device)
        conv_crf(logits, colours[None], iterations=params.iterations)
        times['conv_crf'] += [(_now(clock, device) - start,)] * (number > 0)
    assert marginals is not None
    result: dict[str, Any] = dict(conv_crf_s=statistics.median(one[0] for one in times['conv_crf']))
    for name in ('ours', 'pydensecrf'):
        result[name] = None if not times[name] else dict(
            setup_s=statistics.median(one[0] for one in times[name]),
            inference_s=statistics.median(one[1] for one in times[name]))
    if theirs is not None:
        mine = marginals.cpu().numpy()
        result['largest_difference'] = float(np.abs(mine - theirs).max())
        result['other_labels'] = int((mine.argmax(0) != theirs.argmax(0)).sum())
    lattices = getattr(crf_messages(colours, params, logits.dtype, pad_to_multiple=4), 'lattices', [])
    result['vertices'] = [lattice.num_vertices for lattice in lattices]
    result['peak_mb'] = _peak_mb(ours, device)
    return result


def format_report(result: dict[str, Any], pixels: int) -> str:
    """What :func:`measure_crf` found as a Markdown table and what it means for the labels of ``pixels`` pixels."""
    lines = ['| | set-up s | inference s | together s |', '|---|---|---|---|']
    for name, title in (('ours', 'dense_crf'), ('pydensecrf', 'pydensecrf')):
        if result[name] is not None:
            parts = result[name]['setup_s'], result[name]['inference_s']
            lines.append(f'| {title} | {parts[0]:.3f} | {parts[1]:.3f} | {sum(parts):.3f} |')
    lines += [f'| conv_crf | - | - | {result["conv_crf_s"]:.3f} |', '',
              f'peak memory of dense_crf {result["peak_mb"]:.0f} MB']
    if result['pydensecrf'] is None:
        lines.append('pydensecrf cannot be imported here, so it is not compared')
    else:
        lines.append(f'largest difference of a marginal {result["largest_difference"]:.1e}, '
                     f'{result["other_labels"]} of {pixels} labels differ')
    return '\n'.join(lines)


def _pydensecrf() -> Any:
    try:
        return importlib.import_module('pydensecrf.densecrf')
    except ImportError:
        return None


def _run_pydensecrf(peer: Any, image: Tensor, probabilities: np.ndarray, params: CRFParams,
                    clock: Clock) -> tuple[float, float, np.ndarray]:
    """Seconds of the set-up and of the inference, and the marginals (C, H, W)."""
    height, width = image.shape[-2:]
    pixels = np.ascontiguousarray(image.permute(1, 2, 0).cpu().numpy())
    kinds = dict(symmetric=peer.NORMALIZE_SYMMETRIC, after=peer.NORMALIZE_AFTER, before=peer.NORMALIZE_BEFORE,
                 none=peer.NO_NORMALIZATION)
    start = clock()
    crf = peer.DenseCRF2D(width, height, len(probabilities))
    crf.setUnaryEnergy(np.ascontiguousarray(-np.log(np.clip(probabilities, 1e-5, 1)).reshape(len(probabilities), -1)))
    if params.gaussian_compat is not None:
        crf.addPairwiseGaussian(
            sxy=params.gaussian_sxy, compat=params.gaussian_compat, normalization=kinds[params.normalization])
    if params.bilateral_compat is not None:
        crf.addPairwiseBilateral(
            sxy=params.bilateral_sxy, srgb=params.bilateral_srgb, rgbim=pixels, compat=params.bilateral_compat,
            normalization=kinds[params.normalization])
    middle = clock()
    marginals = np.array(crf.inference(params.iterations)).reshape(probabilities.shape)
    return middle - start, clock() - middle, marginals


def _now(clock: Clock, device: str) -> float:
    if device.startswith('cuda'):
        torch.cuda.synchronize(device)
    return clock()


def _peak_mb(call: Callable[[], Any], device: str) -> float:
    """Memory that a call takes at its peak, above what is held before it."""
    environment.release_memory()
    if device.startswith('cuda'):
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        call()
        return round((torch.cuda.max_memory_allocated(device) - before) / 2**20, 1)
    environment.reset_peak_rss()
    before_mb = environment.rss_mb()
    call()
    return round(environment.peak_rss_mb() - before_mb, 1)

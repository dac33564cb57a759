"""The permutohedral filter with a dictionary of vertices and loops over points, vertices and axes."""

import math

import numpy as np


def _simplex(point):
    """Keys (first d coordinates) and weights of the d + 1 vertices around one point."""
    d = len(point)
    elevated = np.zeros(d + 1, point.dtype)
    total = point.dtype.type(0)
    for j in range(d, 0, -1):
        scaled = point[j - 1] * point.dtype.type(math.sqrt(2 / 3) * (d + 1) / math.sqrt(j * (j + 1)))
        elevated[j] = total - j * scaled
        total += scaled
    elevated[0] = total
    quotient = np.round(elevated * point.dtype.type(1 / (d + 1))).astype(int)
    near = quotient * (d + 1)
    rank = [0] * (d + 1)
    for i in range(d + 1):
        for j in range(i + 1, d + 1):
            lower = elevated[i] - near[i] < elevated[j] - near[j]
            rank[i if lower else j] += 1
    for i in range(d + 1):
        rank[i] += int(quotient.sum())
        if rank[i] < 0:
            rank[i] += d + 1
            near[i] += d + 1
        elif rank[i] > d:
            rank[i] -= d + 1
            near[i] -= d + 1
    weights = [0.0] * (d + 2)
    for i in range(d + 1):
        offset = float(elevated[i] - near[i]) / (d + 1)
        weights[d - rank[i]] += offset
        weights[d - rank[i] + 1] -= offset
    weights[0] += 1 + weights[d + 1]
    keys = [tuple(int(near[i]) + (k if rank[i] <= d - k else k - (d + 1)) for i in range(d)) for k in range(d + 1)]
    return keys, weights[:d + 1]


def slow_filter(features, values, reverse=False, pad_to_multiple=1):
    """(N, d) and (N, C) -> (N, C) in float64, not normalised."""
    count, d = features.shape
    padded = np.concatenate([features, np.zeros((-count % pad_to_multiple, d), features.dtype)])
    simplices = [_simplex(point) for point in padded]
    table = {key: np.zeros(values.shape[1]) for keys, _ in simplices for key in keys}
    for (keys, weights), value in zip(simplices, values, strict=False):  # points of the padding have no value
        for key, weight in zip(keys, weights, strict=True):
            table[key] += weight * value
    for axis in range(d, -1, -1) if reverse else range(d + 1):
        blurred = {}
        for key, value in table.items():
            around = [tuple(sign * (d if i == axis else -1) + x for i, x in enumerate(key)) for sign in (1, -1)]
            blurred[key] = value + 0.5 * sum(table.get(one, 0) for one in around)
        table = blurred
    result = [sum(w * table[k] for k, w in zip(*simplex, strict=True)) for simplex in simplices[:count]]
    return np.stack(result) / (1 + 2.0**-d), len(table)

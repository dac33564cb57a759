"""Instances from pixel embeddings: mean shift from one pixel after the other.

Paper: "Semantic Instance Segmentation with a Discriminative Loss Function", https://arxiv.org/abs/1708.02551, section
3.2: take an unassigned pixel, shift to the mean of what lies within the bandwidth until it stands still, call that an
instance, repeat.  The paper takes random pixels; here the one with the highest score comes first, so that the result
does not depend on chance.

Shapes: N pixels, D embedding channels.
"""

from __future__ import annotations

import torch
from torch import Tensor


def cluster_embeddings(embedding: Tensor,
                       scores: Tensor,
                       *,
                       bandwidth: float = 0.5,
                       max_clusters: int = 500,
                       max_steps: int = 10,
                       min_pixels: int = 1,
                       max_tries: int | None = None) -> Tensor:
    """Assign each pixel to a cluster.

    One cluster costs at most ``max_steps`` passes over the pixels that are still free, memory O(N D).

    Args:
        embedding: (N, D).
        scores: (N,); free pixels with high scores start clusters (of equal scores the first).
        bandwidth: Radius in the embedding space.  At loss 0 any number from delta_v to 2 delta_d - delta_v separates
            the instances.
        max_clusters: Clusters kept; pixels left then stay unassigned.
        max_steps: Mean shift steps a cluster.
        min_pixels: Smaller clusters are dropped, their pixels stay unassigned.
        max_tries: Clusters tried, the dropped ones included: bounds the time on embeddings that fall to pieces.  Four
            times ``max_clusters`` by default.

    Returns:
        (N,) long, 0 = unassigned, 1 .. K in the order of finding.
    """
    embedding = embedding.float()
    labels = torch.zeros(len(embedding), dtype=torch.long, device=embedding.device)
    free = scores.argsort(descending=True, stable=True)  # indices of the pixels without a cluster, best first
    found = 0
    for _ in range(4 * max_clusters if max_tries is None else max_tries):
        if len(free) == 0 or found == max_clusters:
            break
        points = embedding[free]
        members = _shift(points, bandwidth, max_steps)
        size = int(members.sum())
        if size >= min_pixels:
            found += 1
            labels[free[members]] = found
        free = free[~members]
    return labels


def _shift(points: Tensor, bandwidth: float, max_steps: int) -> Tensor:
    """Members (n,) of the cluster that the first of ``points`` (n, D) leads to; the first is always one of them."""
    members = torch.zeros(len(points), dtype=torch.bool, device=points.device)
    center = points[0]
    for _ in range(max_steps):
        near = (points - center).square().sum(dim=1) <= bandwidth**2
        if torch.equal(near, members) or not near.any():
            break
        members = near
        center = points[members].mean(dim=0)
    members[0] = True  # it may have been left out: without it the next round would start there again
    return members

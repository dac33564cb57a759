"""Clustering of embeddings: separable blobs, a slow transcription, bounds, degenerate input."""

import pytest
import torch

from mmseg_plugins.models.postprocess import embedding_clusters
from mmseg_plugins.models.postprocess.embedding_clusters import cluster_embeddings


def blobs(count, per_blob, channels=8, seed=0):
    """Points within 0.5 of centres that are 3 or more apart: what loss 0 means."""
    generator = torch.Generator().manual_seed(seed)
    centers = torch.eye(max(count, channels))[:count, :channels] * 3 if count <= channels else None
    if centers is None:
        grid = torch.arange(count)
        centers = torch.zeros(count, channels)
        centers[:, 0], centers[:, 1] = grid % 20 * 3.0, grid // 20 * 3.0
    truth = torch.arange(count).repeat_interleave(per_blob)
    noise = torch.randn(count * per_blob, channels, generator=generator)
    noise = noise / noise.norm(dim=1, keepdim=True) * 0.49 * torch.rand(len(noise), 1, generator=generator)
    return centers[truth] + noise, truth


def slow_clusters(embedding, scores, bandwidth, max_clusters, max_steps, min_pixels, max_tries):
    """Pixel by pixel, with lists."""
    points = embedding.tolist()
    free = sorted(range(len(points)), key=lambda i: -scores[i].item())
    labels = [0] * len(points)
    found = 0
    for _ in range(max_tries):
        if not free or found == max_clusters:
            break
        center, members = points[free[0]], []
        for _ in range(max_steps):
            near = [i for i in free if sum((a - b)**2 for a, b in zip(points[i], center, strict=True)) <= bandwidth**2]
            if near == members or not near:
                break
            members = near
            center = [sum(points[i][d] for i in members) / len(members) for d in range(len(center))]
        members = sorted({*members, free[0]})
        if len(members) >= min_pixels:
            found += 1
            for i in members:
                labels[i] = found
        free = [i for i in free if i not in members]
    return labels


@pytest.mark.parametrize(('count', 'bandwidth'), [(5, 0.5), (5, 1.5), (300, 1.0)])
def test_blobs_at_loss_zero_are_found_exactly(count, bandwidth):
    embedding, truth = blobs(count, 12)
    scores = torch.rand(len(embedding), generator=torch.Generator().manual_seed(1))
    labels = cluster_embeddings(embedding, scores, bandwidth=bandwidth if count > 5 else max(bandwidth, 1.0))
    assert int(labels.max()) == count
    pairs = {(a, b) for a, b in zip(truth.tolist(), labels.tolist(), strict=True)}
    assert len(pairs) == count


@pytest.mark.parametrize('seed', range(4))
@pytest.mark.parametrize('max_tries', [7, 100])
@pytest.mark.parametrize('min_pixels', [1, 4])
def test_equals_the_transcription_on_noise(seed, min_pixels, max_tries):
    generator = torch.Generator().manual_seed(seed)
    embedding, scores = torch.rand(60, 2, generator=generator) * 4, torch.rand(60, generator=generator)
    options = dict(bandwidth=0.6, max_clusters=9, max_steps=4, min_pixels=min_pixels, max_tries=max_tries)
    assert cluster_embeddings(embedding, scores, **options).tolist() == slow_clusters(embedding, scores, **options)


def test_the_number_of_clusters_is_bounded():
    embedding = torch.arange(50.0)[:, None] * 10
    labels = cluster_embeddings(embedding, torch.arange(50.0), max_clusters=7)
    assert labels[-7:].tolist() == [7, 6, 5, 4, 3, 2, 1]
    assert labels[:-7].sum() == 0


def test_fragments_that_are_dropped_do_not_use_up_the_clusters():
    """600 stray pixels with higher scores than an instance of 100."""
    stray = torch.stack([torch.arange(600.0) * 10 + 50, torch.zeros(600)], dim=1)
    embedding = torch.cat([stray, torch.zeros(100, 2)])
    scores = torch.cat([torch.full((600, ), 0.9), torch.full((100, ), 0.8)])
    labels = cluster_embeddings(embedding, scores, min_pixels=10)
    assert labels[:600].sum() == 0
    assert (labels[600:] == 1).all()


@pytest.mark.parametrize(('options', 'tries'), [(dict(max_clusters=3), 12), (dict(max_clusters=3, max_tries=5), 5)])
def test_tries_are_bounded_as_well(monkeypatch, options, tries):
    seen = []
    shift = embedding_clusters._shift
    monkeypatch.setattr(embedding_clusters, '_shift', lambda *args: seen.append(1) or shift(*args))
    labels = cluster_embeddings(torch.arange(50.0)[:, None] * 10, torch.ones(50), min_pixels=2, **options)
    assert labels.sum() == 0
    assert len(seen) == tries


@pytest.mark.parametrize('count', [0, 1])
def test_no_and_one_pixel(count):
    assert cluster_embeddings(torch.zeros(count, 8), torch.ones(count)).tolist() == [1] * count


def test_values_that_are_not_finite_do_not_hang():
    labels = cluster_embeddings(torch.full((5, 2), float('nan')), torch.ones(5), max_clusters=3)
    assert len(labels) == 5

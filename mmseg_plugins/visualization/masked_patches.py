"""What a pre-training hides and what it takes for the hidden: pictures of masks and of nearest patches."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

GRAY = 128


def nearest_patches(predicted: Tensor, targets: Tensor, places: Tensor) -> Tensor:
    """For each masked patch the patch of another image whose target is most similar to the prediction.

    Args:
        predicted: (M, D).
        targets: (B, N, D), B of 2 or more.
        places: (M, ) indices of the masked patches among the B * N.

    Returns:
        (M, ) indices among the B * N.
    """
    patches = targets.size(1)
    similar = F.normalize(predicted.float(), dim=1) @ F.normalize(targets.flatten(0, 1).float(), dim=1).T
    own = torch.arange(similar.size(1), device=places.device)[None] // patches == (places // patches)[:, None]
    return similar.masked_fill(own, -torch.inf).argmax(1)


def draw_masked_patches(images: Sequence[np.ndarray], places: Sequence[int], nearest: Sequence[int],
                        grid: tuple[int, int]) -> list[tuple[str, np.ndarray]]:
    """Three titled pictures for each image: as it is, without the masked patches, and with the nearest in their place.

    Args:
        images: B images (H, W, 3) of one size, H and W multiples of the grid.
        places: Indices of the masked patches among the B * h * w.
        nearest: For each of them the index of the patch to show.
        grid: h, w.
    """
    height, width = (side // cells for side, cells in zip(images[0].shape, grid, strict=False))

    def part(pictures: Sequence[np.ndarray], index: int) -> np.ndarray:
        image, patch = divmod(index, grid[0] * grid[1])
        row, column = divmod(patch, grid[1])
        return pictures[image][row * height:(row + 1) * height, column * width:(column + 1) * width]

    hidden, filled = ([image.copy() for image in images] for _ in range(2))
    for place, source in zip(places, nearest, strict=True):
        part(hidden, place)[:] = GRAY
        part(filled, place)[:] = part(images, source)
    titles = ('image', 'masked', 'nearest patches')
    return [(title, picture) for pictures in zip(images, hidden, filled, strict=True)
            for title, picture in zip(titles, pictures, strict=True)]

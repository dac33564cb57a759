"""Pull pixels to their instance's mean embedding, push the means apart.

Paper: "Semantic Instance Segmentation with a Discriminative Loss Function", https://arxiv.org/abs/1708.02551, eq. 1-4.
The paper's own code was not published.

Differs from https://github.com/Wizaron/instance-segmentation-pytorch, which averages the pull term over all pixels
instead of per instance, so that large instances count more.  An image without instances counts as 0 in the mean over
images (the paper does not say).

Shapes: B images, D embedding channels, H x W cells, C instances of a group.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mmseg_plugins.registry import MODELS


def discriminative_terms(embedding: Tensor,
                         ids: Tensor,
                         labels: Tensor | None = None,
                         delta_v: float = 0.5,
                         delta_d: float = 1.5) -> Tensor:
    """Pull, push and regularizer of each image.

    pull = mean over instances of mean over their cells of max(0, |mu_c - x_i| - delta_v)^2, push = mean over ordered
    pairs of max(0, 2 delta_d - |mu_a - mu_b|)^2 (0 for a single instance), regularizer = mean of |mu_c|.

    Args:
        embedding: (B, D, H, W).
        ids: (B, H, W) integers; instance of each cell, unique in its image, <= 0 for none.
        labels: (B, H, W) class of each cell: instances are only compared within their class, and an image's terms are
            the means over its classes.  None compares all instances of an image.

    Returns:
        (B, 3) float32 (float64 for float64), connected to ``embedding`` also without any instance.
    """
    embedding = embedding if embedding.dtype == torch.float64 else embedding.float()
    batch = len(embedding)
    valid = ids > 0
    pixels = embedding.permute(0, 2, 3, 1)[valid]  # (B, D, H, W) -> (N, D)
    image, row, column = valid.nonzero(as_tuple=True)
    label = torch.zeros_like(image) if labels is None else labels[image, row, column].to(image)
    keys = torch.stack([image, label, ids[image, row, column].to(image)], dim=1)
    instances, member = keys.unique(dim=0, return_inverse=True)  # (S, 3), (N,)
    groups, group = instances[:, :2].unique(dim=0, return_inverse=True)  # (G, 2), (S,)
    sizes = _sum_to(torch.ones_like(pixels[:, 0]), member, len(instances))
    means = _sum_to(pixels, member, len(instances)) / sizes[:, None]  # (S, D)
    hinge = (_norm(pixels - means[member]) - delta_v).clamp(min=0).square()
    pull = _sum_to(hinge, member, len(instances)) / sizes  # (S,)
    counts = _sum_to(torch.ones_like(pull), group, len(groups))  # (G,): C
    push = _push(means, group, delta_d)
    terms = torch.stack([
        _sum_to(pull, group, len(groups)) / counts,
        _sum_to(push, group, len(groups)) / (counts * (counts - 1)).clamp(min=1),
        _sum_to(_norm(means), group, len(groups)) / counts,
    ], dim=1)  # (G, 3)
    classes = _sum_to(torch.ones_like(counts), groups[:, 0], batch).clamp(min=1)
    return _sum_to(terms, groups[:, 0], batch) / classes[:, None] + 0 * embedding.sum()


def _push(means: Tensor, group: Tensor, delta_d: float) -> Tensor:
    """Hinge of each mean (S, D) against the others of its group, summed: (S,)."""
    distance = _norm(means[:, None] - means[None])  # (S, S)
    hinge = (2 * delta_d - distance).clamp(min=0).square()
    other = (group[:, None] == group[None]) & ~torch.eye(len(means), dtype=torch.bool, device=means.device)
    return (hinge * other).sum(dim=1)


def _norm(x: Tensor) -> Tensor:
    """L2 norm of the last dimension with gradient 0 (not NaN) at 0."""
    return x.square().sum(dim=-1).clamp(min=1e-24).sqrt()


def _sum_to(values: Tensor, index: Tensor, size: int) -> Tensor:
    """Sum the rows of ``values`` (N, ...) that share an ``index`` (N,) in 0..size - 1."""
    return values.new_zeros((size, *values.shape[1:])).index_add(0, index, values)


@MODELS.register_module()
class DiscriminativeLoss(nn.Module):
    """:func:`discriminative_terms`, weighted and averaged over the images.

    Args:
        delta_v: Radius around the mean within which a cell is not pulled.
        delta_d: Half the distance beyond which means are not pushed.
        pull_weight, push_weight, reg_weight: The paper's alpha, beta, gamma.
    """

    def __init__(self,
                 *,
                 delta_v: float = 0.5,
                 delta_d: float = 1.5,
                 pull_weight: float = 1.0,
                 push_weight: float = 1.0,
                 reg_weight: float = 0.001) -> None:
        super().__init__()
        if not 0 <= delta_v < delta_d:
            raise ValueError(f'DiscriminativeLoss: delta_v={delta_v} must lie in [0, delta_d={delta_d}), or the '
                             'clusters of two instances may overlap at loss 0; the paper has 0.5 and 1.5')
        self.delta_v, self.delta_d = delta_v, delta_d
        self.weights = (pull_weight, push_weight, reg_weight)

    def forward(self, embedding: Tensor, ids: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
        """Give ``loss_pull``, ``loss_push`` and ``loss_reg`` for (B, D, H, W), (B, H, W) and (B, H, W)."""
        terms = discriminative_terms(embedding, ids, labels, self.delta_v, self.delta_d).mean(dim=0)
        names = ('loss_pull', 'loss_push', 'loss_reg')
        return {name: weight * term for name, weight, term in zip(names, self.weights, terms, strict=True)}

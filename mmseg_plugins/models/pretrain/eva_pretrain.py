"""Masked image modeling as EVA and EVA-02 are pre-trained: predict a teacher's features of the masked patches.

Papers: "EVA: Exploring the Limits of Masked Visual Representation Learning at Scale",
https://arxiv.org/abs/2211.07636; "EVA-02: A Visual Representation for Neon Genesis", https://arxiv.org/abs/2303.11331.
Original code (MIT): https://github.com/baaivision/EVA/tree/5623d08/EVA-02/asuka .

.. code-block:: none

    image -> patches -> mask token on some -> backbone -> lm_head on the masked -> -cosine <- target <- image

Shapes: B images of H x W px, N = H/P x W/P patches, C channels of the backbone, D of the targets.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from mmengine.model import BaseModel
from torch import Tensor, nn

from mmseg_plugins.models.backbones.eva import PlainViT
from mmseg_plugins.registry import MODELS
from mmseg_plugins.utils.errors import UserError

SCALED = ('mlp.w1', 'mlp.w2', 'mlp.w3', 'attn.proj', 'attn.v_proj')


@MODELS.register_module()
class EVAPretrain(BaseModel):
    """A plain transformer that predicts the target of each masked patch; the loss is the negative cosine.

    The masks come with the data (``mmseg_plugins.BlockMasking``), so that a resumed run sees what it would have seen.

    Args:
        backbone: ``EVA02`` or ``EVA`` with ``final_norm=True`` and its last map alone.
        target: What is predicted: a module that maps pixels (B, 3, H, W), RGB of 0 to 255, and the size of the grid to
            (B, N, D), and that has an attribute ``channels``: ``CLIPTargets``, ``BackboneTargets``, ``HOGTargets``.
        stop_grad_conv1: Only a tenth of the gradient reaches the patch embedding.
        data_preprocessor: ``mmengine.ImgDataPreprocessor`` with mean, standard deviation and ``bgr_to_rgb=True``.
        init_cfg: As in ``BaseModule``.  Without it and without one of the backbone, weights start as in the original.

    Raises:
        UserError: another backbone, more than one map, or masks of another grid than the patches.
    """

    def __init__(self,
                 backbone: Mapping[str, Any],
                 target: Mapping[str, Any],
                 stop_grad_conv1: bool = True,
                 data_preprocessor: dict | None = None,
                 init_cfg: dict | list | None = None) -> None:
        super().__init__(data_preprocessor=data_preprocessor, init_cfg=init_cfg)
        net = MODELS.build(dict(backbone))
        if not isinstance(net, PlainViT) or len(net.out_indices) != 1:
            raise UserError(f'EVAPretrain: the backbone is {backbone.get("type")}.',
                            rule='it must be EVA02 or EVA with one map.', fix='correct type or out_indices.')
        self.backbone = net
        self.target = MODELS.build(dict(target))
        self.stop_grad_conv1 = stop_grad_conv1
        channels = net.arch.embed_dims
        self.mask_token = nn.Parameter(torch.zeros(1, 1, channels))
        self.lm_head = nn.Linear(channels, self.target.channels)

    def init_weights(self) -> None:
        """Start values of the original's pre-training; those of files stay."""
        super().init_weights()
        fresh: list[nn.Module] = [self.lm_head]
        if not (self.init_cfg or self.backbone.init_cfg):
            fresh.append(self.backbone)
        for part in fresh:
            for module in part.modules():
                if isinstance(module, nn.Linear):
                    nn.init.xavier_normal_(module.weight)
                    if module.bias is not None:
                        nn.init.zeros_(module.bias)
        vectors = [self.mask_token]
        if len(fresh) > 1:
            vectors += [p for p in (self.backbone.pos_embed, self.backbone.cls_token) if p is not None]
            self._rescale()
        for vector in vectors:
            nn.init.trunc_normal_(vector, std=0.02, a=-0.02, b=0.02)

    @torch.no_grad()
    def _rescale(self) -> None:
        """B and L: "sub-LN" asks for larger matrices in deeper networks."""
        arch = self.backbone.arch
        if arch.packed:
            return
        factor = math.sqrt(math.log(2 * arch.depth))
        for name, parameter in self.backbone.blocks.named_parameters():
            if name.rpartition('.')[0].partition('.')[2] in SCALED:
                parameter.mul_(factor)

    def forward(self, inputs: Tensor, data_samples: Sequence[Any] | None = None, mode: str = 'tensor') -> Any:
        """Losses of masked images (``'loss'``), or the backbone's map of whole ones."""
        if mode == 'loss':
            return self.loss(inputs, data_samples or ())
        return self.backbone(inputs)[-1]

    def loss(self, inputs: Tensor, data_samples: Sequence[Any]) -> dict[str, Tensor]:
        """Negative mean cosine of predictions and targets, in float32."""
        predicted, targets, places = self.compare(inputs, data_samples)
        wanted = targets.flatten(0, 1)[places]
        cosine = F.cosine_similarity(predicted.float(), wanted.float(), dim=-1)
        return dict(loss_cosine=-cosine.sum() / max(len(cosine), 1))

    def compare(self, inputs: Tensor, data_samples: Sequence[Any]) -> tuple[Tensor, Tensor, Tensor]:
        """What is predicted and what is there.

        Args:
            inputs: (B, 3, H, W), normalized.
            data_samples: With ``token_mask`` in their meta information, (H/P, W/P), true where masked.

        Returns:
            Predictions (M, D) of the masked patches, targets (B, N, D), and the indices (M, ) of the masked patches
            among the B * N.
        """
        size = (inputs.size(2) // self.backbone.patch_size, inputs.size(3) // self.backbone.patch_size)
        masks = self._masks(data_samples, size)
        # Counted and copied without waiting for the device.
        places = masks.flatten().nonzero()[:, 0].to(inputs.device, non_blocking=True)
        with torch.no_grad():
            targets = self.target(self._pixels(inputs), size)
        masked = masks.flatten(1)[..., None].to(inputs.device, non_blocking=True)

        def fill(x: Tensor) -> Tensor:
            if self.stop_grad_conv1:
                x = 0.1 * x + 0.9 * x.detach()
            return torch.where(masked, self.mask_token.to(x.dtype), x)

        tokens = self.backbone(inputs, fill)[-1].flatten(2).transpose(1, 2)  # (B, C, h, w) -> (B, N, C)
        return self.lm_head(tokens.flatten(0, 1)[places]), targets, places

    def _masks(self, data_samples: Sequence[Any], size: tuple[int, int]) -> Tensor:
        masks = [sample.metainfo.get('token_mask') for sample in data_samples]
        found = {None if mask is None else mask.shape for mask in masks}
        if found != {size}:
            raise UserError(f'EVAPretrain: token_mask has the shapes {sorted(map(str, found))}, the patches {size}.',
                            rule='one mask for each image, of its grid of patches.',
                            fix=f"mmseg_plugins.BlockMasking(grid={size}) in the pipeline, and 'token_mask' in the "
                            'meta_keys of its last step.')
        return torch.from_numpy(np.stack(masks))

    def _pixels(self, inputs: Tensor) -> Tensor:
        """The images before normalization: RGB of 0 to 255."""
        mean, std = (getattr(self.data_preprocessor, name, None) for name in ('mean', 'std'))
        return inputs if mean is None or std is None else inputs * std + mean

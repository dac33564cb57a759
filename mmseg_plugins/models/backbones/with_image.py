"""A backbone that also hands on its input image, for heads that read it."""

from __future__ import annotations

from typing import Any

from mmengine.model import BaseModule
from torch import Tensor

from mmseg_plugins.registry import MODELS


@MODELS.register_module()
class WithImage(BaseModule):
    """Any backbone, with the image as one more map after its own.

    mmseg gives a decode head nothing but the backbone's maps; CRF-RNN reads the image's colors, FCN-8s its size.  The
    image is the one the network sees: normalized and padded by the data preprocessor.

    Args:
        net: Config of a backbone, with its prefix (``mmseg.ResNet``).

    Shape:
        (B, 3, H, W) -> the maps of ``net``, then the image (B, 3, H, W), at index -1.
    """

    def __init__(self, *, net: dict, init_cfg: dict | list | None = None) -> None:
        super().__init__(init_cfg=init_cfg)
        self.net = MODELS.build(net)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Give the maps of ``net`` and the image."""
        outs: Any = self.net(x)
        return (*outs, x) if isinstance(outs, (tuple, list)) else (outs, x)

"""``crop_and_resize`` that repeats a map's last cells towards the right and the lower border of the image."""

from __future__ import annotations

import torch
from torch import Tensor

from mmseg_plugins.ops import crop_and_resize


def border_crop(feat: Tensor, rois: Tensor, output_size: int | tuple[int, int], spatial_scale: float) -> Tensor:
    """Crop boxes that lie inside the image, without zeros at its right and lower border.

    With feature coordinate = image coordinate x scale, the last cell of a map of stride s lies s pixels before the end
    of the image; beyond it ``crop_and_resize`` reads zeros.  TensorFlow's boxes never get there, because they are
    normalized so that the end of the image is the last cell.

    Args and result: as for ``crop_and_resize``.
    """
    feat = torch.cat([feat, feat[:, :, -1:]], dim=2)  # (B, C, H, W) -> (B, C, H + 1, W + 1)
    feat = torch.cat([feat, feat[:, :, :, -1:]], dim=3)
    return crop_and_resize(feat, rois, output_size, spatial_scale)

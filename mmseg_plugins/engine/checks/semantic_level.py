"""A semantic map asked of stock MaskFormer parts, which stop at the first prediction, told when the model is built."""

from __future__ import annotations

from typing import Any

from mmseg_plugins.utils.errors import UserError

_FIX = ("model.type='mmseg_plugins.FourLevelMask2Former' and model.panoptic_fusion_head.type="
        "'mmseg_plugins.FourLevelFusionHead' (the same weights fit), or semantic_on=False.")


def check_semantic_level(model: Any) -> None:
    """Refuse a level of a MaskFormer or Mask2Former that its detector or fusion head does not give.

    Raises:
        UserError: ``semantic_on`` or ``foreground_on`` with a stock part; naming the part.
    """
    from mmdet.models.detectors import MaskFormer  # the engine loads before the hosts can

    if not isinstance(model, MaskFormer):
        return
    from mmseg_plugins.models.dense_heads import FourLevelFusionHead
    from mmseg_plugins.models.detectors import FourLevelMask2Former

    head, options = model.panoptic_fusion_head, model.test_cfg or {}
    for level in ('semantic_on', 'foreground_on'):
        for part, ours in ((model, FourLevelMask2Former), (head, FourLevelFusionHead)):
            if options.get(level, False) and not isinstance(part, ours):
                raise UserError(f'model.test_cfg.{level}=True, but {type(part).__name__} does not give this level.',
                                rule='semantic and object maps are those of our detector and fusion head.', fix=_FIX)

"""Mask2Former on images with more objects than it has queries, tile by tile.

A fixed number of queries, matched one to one, has to share all objects of an image among itself.  Images of cells hold
hundreds.  Here it is trained on crops that hold few and predicts tiles of that size (configs/mask2former/NOTES.md).
"""

from __future__ import annotations

from typing import Any

from mmdet.models.detectors import Mask2Former
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData
from torch import Tensor

from mmseg_plugins.registry import MODELS

from .tiled_prediction import TiledPrediction


@MODELS.register_module()
class TiledMask2Former(TiledPrediction, Mask2Former):
    """``mmdet.Mask2Former`` whose instances are predicted on tiles; training and weights are the stock one's.

    ``test_cfg.max_per_image`` counts the instances of a tile.  What tiles do to objects at their borders:
    :class:`~mmseg_plugins.models.detectors.tiled_prediction.TiledPrediction`.

    Args:
        tile: (height, width) of a tile in pixels of the resized image: the size of the training crops.
        overlap: Least overlap of neighboring tiles in pixels: the size of the largest usual object.
        tiles_per_batch: How many tiles go through the network at once.
        max_per_img: Most instances of an image; not above 0: all.
        rle: Give masks as RLEs, one by one.
        args, kwargs: Those of the stock detector.

    Raises:
        ValueError: the overlap does not leave a tile any room of its own, a side of the tile is no multiple of the
            pixel decoder's largest stride, or ``test_cfg`` asks for another level than instances: segments of tiles are
            not put together.
    """

    def __init__(self, *args: Any, tile: tuple[int, int], overlap: int, tiles_per_batch: int = 4,
                 max_per_img: int = 100, rle: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        decoder = self.panoptic_head.pixel_decoder
        self.set_tiles(tile, overlap, tiles_per_batch, strides=decoder.strides, owner='pixel_decoder')
        self.max_per_img = max_per_img
        self.rle = rle
        levels = dict(instance_on=False, panoptic_on=True, semantic_on=False)  # the host's defaults
        wanted = {level: bool(self.test_cfg.get(level, default)) for level, default in levels.items()}
        if wanted != dict(instance_on=True, panoptic_on=False, semantic_on=False):
            raise ValueError('TiledMask2Former predicts instances alone: test_cfg must have instance_on=True, '
                             f'panoptic_on=False and semantic_on=False, not {wanted}')

    def instances_of_tiles(self, tiles: Tensor, samples: list[DetDataSample]) -> list[InstanceData]:
        """What the queries find in each of some tiles (T, 3, h, w)."""
        classes, masks = self.panoptic_head.predict(self.extract_feat(tiles), samples)
        results = self.panoptic_fusion_head.predict(classes, masks, samples, rescale=False)
        return [result['ins_results'] for result in results]

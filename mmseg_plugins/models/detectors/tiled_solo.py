"""SOLO and SOLOv2 on images larger than those they were trained on, tile by tile.

SOLO's grid divides the image, whatever its size, and its coordinate channels run from -1 to 1 across it.  A model that
was trained on crops of 256 pixels with cells of 6 pixels therefore sees cells of 16 pixels on an image of 640, and
positions that change 2.5 times slower: it finds less and draws worse.  Box detectors do not have this trouble.  Here
the image is cut into overlapping tiles of the training size instead.
"""

from __future__ import annotations

from typing import Any

from mmdet.models.detectors import SOLO
from mmdet.structures import DetDataSample
from mmengine.config import ConfigDict
from mmengine.structures import InstanceData
from torch import Tensor

from mmseg_plugins.registry import MODELS

from .tiled_prediction import TiledPrediction


@MODELS.register_module()
class TiledSOLO(TiledPrediction, SOLO):
    """Stock ``SOLO`` / ``SOLOv2`` whose prediction runs on tiles; training is the stock one's.

    The best ``test_cfg.max_per_img`` instances of all tiles (not above 0: all) are kept.  What tiles do to objects at
    their borders: :class:`~mmseg_plugins.models.detectors.tiled_prediction.TiledPrediction`.

    Args:
        tile: (height, width) of a tile in pixels of the resized image: the size of the training crops.
        overlap: Least overlap of neighboring tiles in pixels: the size of the largest usual object.
        tiles_per_batch: How many tiles go through the network at once.
        args, kwargs: Those of the stock detectors; the mask head is one of this package's.

    Raises:
        ValueError: the overlap does not leave a tile any room of its own, or a side of the tile is no multiple of the
            mask head's largest stride.
    """

    def __init__(self, *args: Any, tile: tuple[int, int], overlap: int, tiles_per_batch: int = 4,
                 **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.set_tiles(tile, overlap, tiles_per_batch, strides=self.mask_head.strides, owner='mask_head')
        self.mask_head.test_cfg = ConfigDict(self.mask_head.test_cfg, rle=False)  # tiles are put together as arrays

    @property
    def max_per_img(self) -> int:  # type: ignore[override]
        """Of ``test_cfg``, which may be changed after building."""
        return self.test_cfg.max_per_img

    @property
    def rle(self) -> bool:  # type: ignore[override]
        """Of ``test_cfg``, which may be changed after building."""
        return self.test_cfg.get('rle', False)

    def instances_of_tiles(self, tiles: Tensor, samples: list[DetDataSample]) -> list[InstanceData]:
        """What the mask head finds in each of some tiles (T, 3, h, w)."""
        return self.mask_head.predict(self.extract_feat(tiles), samples, rescale=False)

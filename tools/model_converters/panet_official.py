"""Convert a checkpoint of the official PANet code (github.com/ShuLiu1993/PANet) for this project's configs.

    python tools/model_converters/panet_official.py panet_mask_step179999.pth checkpoints/panet_r50_official.pth
    python tools/test.py configs/panet/panet_r50-path-pooling-fusion-4conv1fc_2x_coco.py \
        checkpoints/panet_r50_official.pth

The file is read without running any code in it (torch's weights_only).  Keys that are unknown, missing or of another
shape than the config's model are listed and nothing is written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from mmdet.datasets import CocoDataset
from mmengine.config import Config
from torch import Tensor

from mmseg_plugins.weights.convert_file import build_parser, convert_file
from mmseg_plugins.weights.panet import convert_panet

DEFAULT_CONFIG = Path(__file__).parents[2] / 'configs/panet/panet_r50-path-pooling-fusion-4conv1fc_2x_coco.py'
KEY = 'model'


def coco_classes(_: Config, converted: Mapping[str, Tensor]) -> Sequence[str] | None:
    """COCO's names where the weights have as many classes."""
    names = CocoDataset.METAINFO['classes']
    return names if len(converted['roi_head.bbox_head.fc_cls.bias']) == len(names) + 1 else None


if __name__ == '__main__':
    convert_file(build_parser(__doc__, KEY, DEFAULT_CONFIG).parse_args(), KEY, convert_panet, coco_classes)

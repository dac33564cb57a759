"""Convert a checkpoint of the official SOLO or SOLOv2 code (github.com/WXinlong/SOLO) for this project's configs.

    python tools/model_converters/solo_official.py SOLOv2_R50_3x.pth checkpoints/solov2_r50_official.pth \
        --config configs/solo/solov2_r50-fpn_3x_coco.py
    python tools/test.py configs/solo/solov2_r50-fpn_3x_coco.py checkpoints/solov2_r50_official.pth

The file is read without running any code in it (torch's weights_only).  Keys that are unknown, missing or of another
shape than the config's model are listed and nothing is written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mmdet.datasets import CocoDataset
from mmengine.config import Config
from torch import Tensor

from mmseg_plugins.weights.convert_file import build_parser, convert_file
from mmseg_plugins.weights.solo import convert_solo

KEY = 'state_dict'


def coco_classes(_: Config, converted: Mapping[str, Tensor]) -> Sequence[str] | None:
    """COCO's names where the weights have as many classes."""
    names = CocoDataset.METAINFO['classes']
    return names if len(converted['mask_head.conv_cls.bias']) == len(names) else None


if __name__ == '__main__':
    convert_file(build_parser(__doc__, KEY, None).parse_args(), KEY, convert_solo, coco_classes)

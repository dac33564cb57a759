"""Convert a DeepLab v2 ResNet-101 checkpoint of github.com/kazuto1011/deeplab-pytorch for this project's configs.

    python tools/model_converters/deeplabv2_official.py deeplabv2_resnet101_msc-vocaug-20000.pth checkpoints/r101.pth
    python tools/test.py configs/deeplab/deeplabv2_r101-msc_20k-crop321_voc.py checkpoints/r101.pth

The start of the training, from COCO or from a whole model of other classes (the configs name the target):

    python tools/model_converters/deeplabv2_official.py deeplabv1_resnet101-coco.pth \\
        checkpoints/deeplabv2_r101_coco.pth --backbone-only

The file is read without running any code in it (torch's weights_only).  Keys that are unknown, missing or of another
shape than the config's model are listed and nothing is written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from mmengine.config import Config
from mmseg.datasets import PascalVOCDataset
from torch import Tensor

from mmseg_plugins.weights.convert_file import build_parser, convert_file
from mmseg_plugins.weights.deeplabv2 import convert_deeplabv2, convert_deeplabv2_backbone

DEFAULT_CONFIG = Path(__file__).parents[2] / 'configs/deeplab/deeplabv2_r101-msc_20k-crop321_voc.py'


def voc_classes(_: Config, converted: Mapping[str, Tensor]) -> Sequence[str] | None:
    """VOC's names where the weights have as many classes."""
    names = PascalVOCDataset.METAINFO['classes']
    return names if len(converted.get('decode_head.branches.0.bias', ())) == len(names) else None


if __name__ == '__main__':
    parser = build_parser(__doc__, None, DEFAULT_CONFIG)
    parser.add_argument('--backbone-only', action='store_true', help='leave the classifiers out: a start for training')
    args = parser.parse_args()
    if args.backbone_only:
        convert_file(args, None, convert_deeplabv2_backbone, voc_classes, part='backbone.')
    else:
        convert_file(args, None, convert_deeplabv2, voc_classes)

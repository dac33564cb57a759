"""Convert a checkpoint of the PyTorch LinkNet (github.com/e-lab/pytorch-linknet) for this project's configs.

    python tools/model_converters/linknet_official.py model_best.pth checkpoints/linknet_r18_official.pth
    python tools/test.py configs/linknet/linknet_r18_300e-1024x512_cityscapes.py checkpoints/linknet_r18_official.pth

Both of its classes are read: LinkNetBase (its own residual blocks) and LinkNet (torchvision's).  The file is read
without running any code in it (torch's weights_only).  Keys that are unknown, missing or of another shape than the
config's model are listed and nothing is written.
"""

from __future__ import annotations

from pathlib import Path

from mmseg_plugins.weights.convert_file import build_parser, convert_file, dataset_classes
from mmseg_plugins.weights.linknet import convert_linknet

DEFAULT_CONFIG = Path(__file__).parents[2] / 'configs/linknet/linknet_r18_300e-1024x512_cityscapes.py'
KEY = 'state_dict'


if __name__ == '__main__':
    convert_file(build_parser(__doc__, KEY, DEFAULT_CONFIG).parse_args(), KEY, convert_linknet, dataset_classes)

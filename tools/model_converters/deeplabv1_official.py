"""Convert a DeepLab v1 LargeFOV checkpoint of a PyTorch port for this project's config.

    python tools/model_converters/deeplabv1_official.py vgg16_largefov.pth checkpoints/deeplabv1_largefov.pth
    python tools/test.py configs/deeplab/deeplabv1_vgg16-largefov_6k-crop321_voc.py checkpoints/deeplabv1_largefov.pth

Ports: github.com/wangleihitcs/DeepLab-V1-PyTorch and github.com/CoinCheung/Deeplab-Large-FOV.  The file is read
without running any code in it (torch's weights_only).  Keys that are unknown, missing or of another shape than the
config's model are listed and nothing is written.
"""

from __future__ import annotations

from pathlib import Path

from mmseg.datasets import PascalVOCDataset

from mmseg_plugins.weights.convert_file import build_parser, convert_file
from mmseg_plugins.weights.deeplabv1 import convert_largefov

DEFAULT_CONFIG = Path(__file__).parents[2] / 'configs/deeplab/deeplabv1_vgg16-largefov_6k-crop321_voc.py'

if __name__ == '__main__':
    convert_file(
        build_parser(__doc__, None, DEFAULT_CONFIG).parse_args(), None, convert_largefov,
        lambda cfg, converted: PascalVOCDataset.METAINFO['classes'])

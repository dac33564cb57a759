"""Convert a SegNet checkpoint of meetps' code (github.com/meetps/pytorch-semseg) for this project's config.

    python tools/model_converters/segnet_meetps.py segnet_camvid_best_model.pkl checkpoints/segnet_port.pth
    python tools/test.py configs/segnet/segnet_vgg16-port_40k-360x480_camvid.py checkpoints/segnet_port.pth

The file is read without running any code in it (torch's weights_only).  Keys that are unknown, missing or of another
shape than the config's model are listed and nothing is written.
"""

from __future__ import annotations

from pathlib import Path

from mmseg_plugins.weights.convert_file import build_parser, convert_file
from mmseg_plugins.weights.segnet import convert_segnet

DEFAULT_CONFIG = Path(__file__).parents[2] / 'configs/segnet/segnet_vgg16-port_40k-360x480_camvid.py'
KEY = 'model_state'


if __name__ == '__main__':
    convert_file(build_parser(__doc__, KEY, DEFAULT_CONFIG).parse_args(), KEY, convert_segnet, lambda *_: None)

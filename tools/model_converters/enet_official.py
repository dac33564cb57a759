"""Convert a checkpoint of the PyTorch port of ENet (github.com/davidtvs/PyTorch-ENet) for this project's configs.

    python tools/model_converters/enet_official.py ENet checkpoints/enet_port_camvid.pth --drop-last-class
    python tools/test.py configs/enet/enet_port_300e_camvid.py checkpoints/enet_port_camvid.pth

The port's CamVid has "unlabeled" as twelfth class; --drop-last-class leaves its scores out.  The file is read without
running any code in it (torch's weights_only).  Keys that are unknown, missing or of another shape than the config's
model are listed and nothing is written.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from mmseg_plugins.weights.convert_file import build_parser, convert_file, dataset_classes
from mmseg_plugins.weights.enet import convert_enet

DEFAULT_CONFIG = Path(__file__).parents[2] / 'configs/enet/enet_port_300e_camvid.py'
KEY = 'state_dict'


if __name__ == '__main__':
    parser = build_parser(__doc__, KEY, DEFAULT_CONFIG)
    parser.add_argument('--drop-last-class', action='store_true', help='leave the scores of the last class out')
    args = parser.parse_args()
    convert_file(args, KEY, partial(convert_enet, drop_last_class=args.drop_last_class), dataset_classes)

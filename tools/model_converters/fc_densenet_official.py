"""Convert a checkpoint of a PyTorch port of FC-DenseNet (github.com/bfortuner/pytorch_tiramisu) for our configs.

    python tools/model_converters/fc_densenet_official.py weights.pth checkpoints/fc_densenet67_port.pth \
        --drop-last-class --config configs/fc_densenet/fc-densenet_67_finetune_camvid.py
    python tools/test.py configs/fc_densenet/fc-densenet_67_finetune_camvid.py checkpoints/fc_densenet67_port.pth

The port's CamVid has "void" as twelfth class; --drop-last-class leaves its scores out.  The file is read without
running any code in it (torch's weights_only).  Keys that are unknown, missing or of another shape than the config's
model are listed and nothing is written.
"""

from __future__ import annotations

from functools import partial

from mmseg_plugins.weights.convert_file import build_parser, convert_file, dataset_classes
from mmseg_plugins.weights.fc_densenet import convert_fc_densenet

KEY = 'state_dict'


if __name__ == '__main__':
    parser = build_parser(__doc__, KEY, None)
    parser.add_argument('--drop-last-class', action='store_true', help='leave the scores of the last class out')
    args = parser.parse_args()
    convert_file(args, KEY, partial(convert_fc_densenet, drop_last_class=args.drop_last_class), dataset_classes)

"""Convert a checkpoint of the RefineNet ports (github.com/DrSleep/refinenet-pytorch, light-weight-refinenet).

    python tools/model_converters/refinenet_official.py rf101_voc.ckpt checkpoints/refinenet_r101_voc.pth
    python tools/model_converters/refinenet_official.py rf_lw50_voc.ckpt checkpoints/refinenet-lw_r50_voc.pth \
        --config configs/refinenet/refinenet-lw_r50_crop500_voc.py

The file holds the state dict itself, as released.  It is read without running any code in it (torch's weights_only).
Keys that are unknown, missing or of another shape than the config's model are listed and nothing is written.
"""

from __future__ import annotations

from pathlib import Path

from mmseg_plugins.weights.convert_file import build_parser, convert_file, dataset_classes
from mmseg_plugins.weights.refinenet import convert_refinenet

DEFAULT_CONFIG = Path(__file__).parents[2] / 'configs/refinenet/refinenet_r101_crop400_voc.py'


if __name__ == '__main__':
    convert_file(build_parser(__doc__, None, DEFAULT_CONFIG).parse_args(), None, convert_refinenet, dataset_classes)

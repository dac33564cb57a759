"""Convert a checkpoint of the official PSENet code (github.com/whai362/PSENet, ResNet-50) for this project's config.

    python tools/model_converters/psenet_official.py checkpoint_600ep.pth.tar checkpoints/psenet_r50_official.pth
    python tools/test.py configs/psenet/psenet_r50-deepstem-k7_600e_ctw1500.py checkpoints/psenet_r50_official.pth

The file is read without running any code in it (torch's weights_only).  Keys that are unknown, missing or of another
shape than the config's model are listed and nothing is written.
"""

from __future__ import annotations

from pathlib import Path

from mmseg_plugins.weights.convert_file import build_parser, convert_file
from mmseg_plugins.weights.psenet import convert_psenet

DEFAULT_CONFIG = Path(__file__).parents[2] / 'configs/psenet/psenet_r50-deepstem-k7_600e_ctw1500.py'
KEY = 'state_dict'


if __name__ == '__main__':
    convert_file(
        build_parser(__doc__, KEY, DEFAULT_CONFIG).parse_args(), KEY, convert_psenet, lambda cfg, _: cfg.classes)

"""Convert a U-Net of meetps/pytorch-semseg (unet with is_deconv=True) for this project.

    python tools/model_converters/unet_meetps.py unet_best_model.pkl checkpoints/unet.pth --config MY_CONFIG.py

The config needs mmseg_plugins.ValidUNet in mmseg_plugins.MirrorMargin, as in configs/unet, with
base_channels = 64 / feature_scale, norm_cfg=dict(type='BN') for is_batchnorm=True (else None) and as many classes as
the file; the default has the paper's width, two classes and no norm.  The file is read without running any code in it
(torch's weights_only).  Keys that are unknown, missing or of another shape are listed and nothing is written.
"""

from __future__ import annotations

from pathlib import Path

from mmseg_plugins.weights.convert_file import build_parser, convert_file, dataset_classes
from mmseg_plugins.weights.unet import convert_unet

DEFAULT_CONFIG = Path(__file__).parents[2] / 'configs/unet/unet_valid-border_20k-crop572_isbi.py'
KEY = 'model_state'


if __name__ == '__main__':
    convert_file(build_parser(__doc__, KEY, DEFAULT_CONFIG).parse_args(), KEY, convert_unet, dataset_classes)

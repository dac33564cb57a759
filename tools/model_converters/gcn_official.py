"""Convert a checkpoint of a GCN port (github.com/zijundeng/pytorch-semantic-segmentation, models/gcn.py).

    python tools/model_converters/gcn_official.py epoch_10_loss_0.2.pth checkpoints/gcn_r152-k7_voc.pth

The file holds the state dict itself, as that code saves it.  It is read without running any code in it (torch's
weights_only).  Keys that are unknown, missing or of another shape than the config's model are listed and nothing is
written.
"""

from __future__ import annotations

from pathlib import Path

from mmseg_plugins.weights.convert_file import build_parser, convert_file, dataset_classes
from mmseg_plugins.weights.gcn import convert_gcn

DEFAULT_CONFIG = Path(__file__).parents[2] / 'configs/gcn/gcn_r152-k7-bilinear_crop512_voc.py'


if __name__ == '__main__':
    convert_file(build_parser(__doc__, None, DEFAULT_CONFIG).parse_args(), None, convert_gcn, dataset_classes)

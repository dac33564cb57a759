"""Convert FCN-32s, 16s or 8s under Caffe's blob names (wkentaro/pytorch-fcn: fcn8s_from_caffe.pth) for this project.

    python tools/model_converters/fcn_official.py fcn8s_from_caffe.pth checkpoints/fcn8s_caffe.pth
    python tools/test.py configs/fcn/fcn8s_vgg16-caffe_100k_voc.py checkpoints/fcn8s_caffe.pth

``--config`` names the config of another stage (fcn32s, fcn16s, fcn8s-atonce).  The file is read without running any
code in it (torch's weights_only).  Keys that are unknown, missing or of another shape than the config's model are
listed and nothing is written.
"""

from __future__ import annotations

from pathlib import Path

from mmseg_plugins.weights.convert_file import build_parser, convert_file, dataset_classes
from mmseg_plugins.weights.fcn import convert_fcn

DEFAULT_CONFIG = Path(__file__).parents[2] / 'configs/fcn/fcn8s_vgg16-caffe_100k_voc.py'


if __name__ == '__main__':
    convert_file(build_parser(__doc__, None, DEFAULT_CONFIG).parse_args(), None, convert_fcn, dataset_classes)

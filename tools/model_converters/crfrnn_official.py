"""Convert the released CRF-RNN checkpoint (github.com/sadeepj/crfasrnn_pytorch) for this project's config.

    python tools/model_converters/crfrnn_official.py crfasrnn_weights.pth checkpoints/crfrnn_official.pth
    python tools/test.py configs/crf/crfrnn_fcn8s-vgg16-caffe_100k_voc.py checkpoints/crfrnn_official.pth

The file is read without running any code in it (torch's weights_only).  Keys that are unknown, missing or of another
shape than the config's model are listed and nothing is written.
"""

from __future__ import annotations

from pathlib import Path

from mmseg_plugins.weights.convert_file import build_parser, convert_file, dataset_classes
from mmseg_plugins.weights.crfrnn import convert_crfrnn

DEFAULT_CONFIG = Path(__file__).parents[2] / 'configs/crf/crfrnn_fcn8s-vgg16-caffe_100k_voc.py'


if __name__ == '__main__':
    convert_file(build_parser(__doc__, None, DEFAULT_CONFIG).parse_args(), None, convert_crfrnn, dataset_classes)

"""Convert DilatedNet under Caffe's layer names (fyu/dilation) for this project.

    python tools/model_converters/dilation_official.py dilation8_camvid.pth checkpoints/dilation8_camvid.pth
    python tools/test.py configs/dilation/dilation_vgg16-caffe-joint8_20k-crop628_camvid.py \\
        checkpoints/dilation8_camvid.pth

The source is a dict of tensors, conv1_1.weight to ctx_final.bias, saved by torch: the blobs of the released
.caffemodel, as any Caffe reader gives them, without a change.  ``--config`` names the config of another variant.  The
file is read without running any code in it (torch's weights_only).  Keys that are unknown, missing or of another shape
than the config's model are listed and nothing is written.
"""

from __future__ import annotations

from pathlib import Path

from mmseg_plugins.weights.convert_file import build_parser, convert_file, dataset_classes
from mmseg_plugins.weights.dilation import convert_dilation

DEFAULT_CONFIG = Path(__file__).parents[2] / 'configs/dilation/dilation_vgg16-caffe-joint8_20k-crop628_camvid.py'


if __name__ == '__main__':
    convert_file(build_parser(__doc__, None, DEFAULT_CONFIG).parse_args(), None, convert_dilation, dataset_classes)

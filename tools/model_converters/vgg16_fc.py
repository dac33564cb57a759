"""Make weights for mmseg_plugins.FCNVGG from an ImageNet VGG-16, its fully connected layers as convolutions.

    python tools/model_converters/vgg16_fc.py VGG_ILSVRC_16_layers.pth checkpoints/vgg16_caffe.pth

Reads state dicts under torchvision's names (features.0, classifier.0) and Caffe's (conv1_1, fc6).  Files under
torchvision's names need no conversion: init_cfg=dict(type='Pretrained', checkpoint=...) of FCNVGG reads them as they
are, 'torchvision://vgg16' too.  Weights trained in Caffe want BGR images in 0..255 minus the mean
(configs/fcn/fcn32s_vgg16-caffe_100k_voc.py), torchvision's want RGB with mean and deviation.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from mmseg_plugins.engine.checkpoint.safe_load import load_checkpoint_file
from mmseg_plugins.models.backbones import FCNVGG
from mmseg_plugins.weights.convert_file import write_checkpoint
from mmseg_plugins.weights.fcn import convert_vgg16
from mmseg_plugins.weights.state_dict_rules import ConversionError, check_matches


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('source', help='the file: a state dict, or a dict with one under state_dict')
    parser.add_argument('target', type=Path, help='the file to write')
    args = parser.parse_args()
    source = load_checkpoint_file(args.source)
    try:
        converted, left_out = convert_vgg16(source.get('state_dict', source))
        with torch.device('meta'):  # names and shapes only
            wanted = FCNVGG(16).state_dict()
        check_matches(converted, wanted, 'FCNVGG(depth=16)')
    except ConversionError as error:
        raise SystemExit(f'{args.source}: {error}\nnothing was written') from error
    write_checkpoint(args.target, converted, args.source, 'mmseg_plugins.FCNVGG(depth=16)', None)
    print(f'{args.target}: {len(converted)} tensors; left out, ImageNet\'s classes: {", ".join(left_out) or "none"}')


if __name__ == '__main__':
    main()

"""Make the first weights of SegNet's and DeconvNet's encoders from a VGG16 classifier without batch norm.

    python tools/model_converters/vgg16_encoder.py vgg16-397923af.pth checkpoints/vgg16_encoder.pth
    python tools/model_converters/vgg16_encoder.py vgg16-397923af.pth checkpoints/vgg16_deconvnet.pth --fc

SOURCE is a state dict with torchvision's names (https://download.pytorch.org/models/vgg16-397923af.pth) or Caffe's
(conv1_1.weight, ..., fc8.bias).  torchvision's first layer is rewritten for BGR pixels of 0 to 255, which both systems'
published configs read; --normalised leaves it as it is.  The batch norms are not in the file and begin as they are.
The file is read without running any code in it.  Unknown, missing or misshaped keys are listed and nothing is written.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from mmseg_plugins.engine.checkpoint.safe_load import load_checkpoint_file
from mmseg_plugins.models.backbones import DeconvNetEncoder, SegNetEncoder
from mmseg_plugins.weights.convert_file import write_checkpoint
from mmseg_plugins.weights.state_dict_rules import ConversionError, check_matches
from mmseg_plugins.weights.vgg16_encoder import convert_vgg16


def main() -> None:
    """Read, rename, compare with the encoder's convolutions, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('source', help='a state dict of VGG16')
    parser.add_argument('target', type=Path, help='the file to write')
    parser.add_argument('--fc', action='store_true', help="with fc6 and fc7, for DeconvNet's encoder")
    parser.add_argument('--normalised', action='store_true', help='for RGB pixels, normalised as torchvision does')
    args = parser.parse_args()
    encoder = DeconvNetEncoder if args.fc else SegNetEncoder
    with torch.device('meta'):  # shapes only
        state = encoder().state_dict()
    norms = {name.rsplit('.', 1)[0] for name in state if name.endswith('running_mean')}
    wanted = {name: value for name, value in state.items() if name.rsplit('.', 1)[0] not in norms}
    try:
        source = load_checkpoint_file(args.source)
        converted = convert_vgg16(source, fully_connected=args.fc, raw_bgr=not args.normalised)
        check_matches(converted, wanted, f'the convolutions of {encoder.__name__}')
    except ConversionError as error:
        raise SystemExit(f'{args.source}: {error}\nnothing was written') from error
    write_checkpoint(args.target, converted, args.source, encoder.__name__, None)
    print(f'{args.target}: {len(converted)} tensors; {len(norms)} batch norms begin as they are')


if __name__ == '__main__':
    main()

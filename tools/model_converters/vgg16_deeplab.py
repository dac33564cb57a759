"""Make the first weights of DeepLab over VGG-16 (v1 LargeFOV, v2 ASPP) from torchvision's ImageNet classifier.

    python tools/model_converters/vgg16_deeplab.py vgg16-397923af.pth checkpoints/vgg16_largefov.pth
    python tools/model_converters/vgg16_deeplab.py vgg16-397923af.pth checkpoints/vgg16_aspp.pth \\
        --config configs/deeplab/deeplabv2_vgg16-aspp-l_20k-crop321_voc.py

fc6 and fc7 become convolutions: of fc6's 7 x 7 cells every third (or what the config's kernel needs), and as many
filters as the config has, chosen at random (--seed).  fc8 is new and not in the file.
"""

from __future__ import annotations

import re
from pathlib import Path

from mmengine.registry import MODELS, init_default_scope
from torch import nn

from mmseg_plugins.config.load import load_config
from mmseg_plugins.engine.checkpoint.safe_load import load_checkpoint_file
from mmseg_plugins.models.backbones import WithImage
from mmseg_plugins.weights.convert_file import build_parser, write_checkpoint
from mmseg_plugins.weights.state_dict_rules import ConversionError, Tensors, check_matches
from mmseg_plugins.weights.vgg16_classifier import subsample_vgg16

DEFAULT_CONFIG = Path(__file__).parents[2] / 'configs/deeplab/deeplabv1_vgg16-largefov_6k-crop321_voc.py'
PARTS = ('backbone.', 'decode_head.fc6.', 'decode_head.fc7.')


def in_place(weights: Tensors, backbone: nn.Module) -> Tensors:
    """The same weights for a trunk that stands inside ``WithImage``."""
    inner = 'backbone.net.' if isinstance(backbone, WithImage) else 'backbone.'
    return {re.sub(r'^backbone\.', inner, name): value for name, value in weights.items()}


def main() -> None:
    """Read, subsample, compare with the model of the config, write."""
    parser = build_parser(__doc__, None, DEFAULT_CONFIG)
    parser.add_argument('--seed', type=int, default=0, help='of the choice of filters')
    args = parser.parse_args()
    cfg = load_config(args.config)
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    model = MODELS.build(cfg.model)
    fc6 = model.decode_head.fc6
    try:
        weights = subsample_vgg16(
            load_checkpoint_file(args.source), branches=len(fc6), channels=fc6[0].conv.out_channels,
            kernel_size=fc6[0].conv.kernel_size[0], seed=args.seed)
        weights = in_place(weights, model.backbone)
        wanted = {name: value for name, value in model.state_dict().items() if name.startswith(PARTS)}
        check_matches(weights, wanted, f'backbone, fc6 and fc7 of {args.config}')
    except ConversionError as error:
        raise SystemExit(f'{args.source}: {error}\nnothing was written') from error
    write_checkpoint(args.target, weights, args.source, args.config, None)
    left = len(model.state_dict()) - len(weights)
    print(f'{args.target}: {len(weights)} tensors; {left} of the model are new (fc8, and what stands beside fc7)')


if __name__ == '__main__':
    main()

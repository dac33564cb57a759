"""Convert torchvision's MobileNetV2 (ImageNet) into a backbone checkpoint for mmseg's MobileNetV2.

    python tools/model_converters/torchvision_mobilenet_v2.py mobilenet_v2-7ebf99e0.pth checkpoints/mobilenet_v2.pth
    python tools/model_converters/torchvision_mobilenet_v2.py mobilenet_v2-7ebf99e0.pth \
        checkpoints/mobilenet_v2_expanded.pth --expanded

The second is for mmseg_plugins.ExpandedMobileNetV2.  In a config:

    backbone=dict(..., init_cfg=dict(type='Pretrained', checkpoint='checkpoints/mobilenet_v2.pth'))

The file is read without running any code in it (torch's weights_only).  Keys that are unknown, missing or of another
shape than the backbone's are listed and nothing is written.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mmengine.registry import MODELS, init_default_scope

from mmseg_plugins.engine.checkpoint.safe_load import load_checkpoint_file
from mmseg_plugins.weights.convert_file import write_checkpoint
from mmseg_plugins.weights.state_dict_rules import ConversionError, check_matches
from mmseg_plugins.weights.torchvision_mobilenet_v2 import convert_torchvision_mobilenet_v2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('source', help="torchvision's file: the state dict itself")
    parser.add_argument('target', type=Path, help='the file to write')
    parser.add_argument('--expanded', action='store_true', help='for mmseg_plugins.ExpandedMobileNetV2')
    args = parser.parse_args()
    name = 'mmseg_plugins.ExpandedMobileNetV2' if args.expanded else 'mmseg.MobileNetV2'
    init_default_scope('mmseg')
    source = load_checkpoint_file(args.source)
    if not isinstance(source, dict):
        raise SystemExit(f"{args.source}: torchvision's file is a state dict, found {type(source).__name__}")
    try:
        converted = convert_torchvision_mobilenet_v2(source, expanded=args.expanded)
        check_matches(converted, MODELS.build(dict(type=name)).state_dict(), name)
    except ConversionError as error:
        raise SystemExit(f'{args.source}: {error}\nnothing was written') from error
    write_checkpoint(args.target, converted, args.source, name, None)
    print(f'{args.target}: {len(converted)} tensors for {name}')


if __name__ == '__main__':
    main()

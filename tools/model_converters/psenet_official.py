"""Convert a checkpoint of the official PSENet code (github.com/whai362/PSENet, ResNet-50) for this project's config.

    python tools/model_converters/psenet_official.py checkpoint_600ep.pth.tar checkpoints/psenet_r50_official.pth
    python tools/test.py configs/psenet/psenet_r50-deepstem-k7_600e_ctw1500.py checkpoints/psenet_r50_official.pth

The file is read without running any code in it (torch's weights_only).  Keys that are unknown, missing or of another
shape than the config's model are listed and nothing is written.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from mmdet.registry import MODELS
from mmengine.registry import init_default_scope

from mmseg_plugins.config import load_config
from mmseg_plugins.engine.safe_load import load_checkpoint_file
from mmseg_plugins.models.converters.psenet import convert_psenet
from mmseg_plugins.models.converters.state_dict_rules import ConversionError, check_matches

DEFAULT_CONFIG = Path(__file__).parents[2] / 'configs/psenet/psenet_r50-deepstem-k7_600e_ctw1500.py'


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('source', help="the official .pth.tar file: a dict with the state dict under 'state_dict'")
    parser.add_argument('target', type=Path, help='the file to write')
    parser.add_argument('--config', default=str(DEFAULT_CONFIG), help='config of the model that the weights must fit')
    return parser.parse_args()


def main() -> None:
    """Convert, compare with the model, write."""
    args = parse_args()
    source = load_checkpoint_file(args.source)
    if not isinstance(source, dict) or 'state_dict' not in source:
        found = sorted(source)[:5] if isinstance(source, dict) else type(source).__name__
        raise SystemExit(f"{args.source}: an official checkpoint has its weights under 'state_dict', found {found}")
    cfg = load_config(args.config)
    init_default_scope(cfg.get('default_scope', 'mmdet'))
    try:
        converted = convert_psenet(source['state_dict'])
        check_matches(converted, MODELS.build(cfg.model).state_dict(), f'the model of {args.config}')
    except ConversionError as error:
        raise SystemExit(f'{args.source}: {error}\nnothing was written') from error
    meta = dict(source=str(args.source), config=str(args.config), dataset_meta=dict(classes=tuple(cfg.classes)))
    args.target.parent.mkdir(parents=True, exist_ok=True)
    torch.save(dict(state_dict=converted, meta=meta), args.target)
    print(f'{args.target}: {len(converted)} tensors')


if __name__ == '__main__':
    main()

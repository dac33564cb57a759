"""Convert a DeconvNet checkpoint of Jasonlee1995's code (github.com/Jasonlee1995/DeconvNet) for this project's config.

    python tools/model_converters/deconvnet_official.py DOWNLOADED.pth checkpoints/deconvnet_voc.pth
    python tools/test.py configs/deconvnet/deconvnet_vgg16-stage2_40k-crop224_voc.py checkpoints/deconvnet_voc.pth

SOURCE is a state dict, or a dict that holds one under 'state_dict'.  It is read without running any code in it (torch's
weights_only).  Keys that are unknown, missing or of another shape than the config's model are listed and nothing is
written.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from mmengine.registry import MODELS, init_default_scope

from mmseg_plugins.config.load import load_config
from mmseg_plugins.engine.checkpoint.safe_load import load_checkpoint_file
from mmseg_plugins.weights.convert_file import write_checkpoint
from mmseg_plugins.weights.deconvnet import convert_deconvnet
from mmseg_plugins.weights.state_dict_rules import ConversionError, check_matches

DEFAULT_CONFIG = Path(__file__).parents[2] / 'configs/deconvnet/deconvnet_vgg16-stage2_40k-crop224_voc.py'


def main() -> None:
    """Read, rename, compare with the config's model, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('source', help='the official file')
    parser.add_argument('target', type=Path, help='the file to write')
    parser.add_argument('--config', default=str(DEFAULT_CONFIG), help='config of the model that the weights must fit')
    args = parser.parse_args()
    cfg = load_config(args.config)
    init_default_scope(cfg.default_scope)
    with torch.device('meta'):  # shapes only: the full network has 252 million weights
        wanted = MODELS.build(cfg.model).state_dict()
    try:
        source = load_checkpoint_file(args.source)
        converted = convert_deconvnet(source.get('state_dict', source))
        check_matches(converted, wanted, f'the model of {args.config}')
    except ConversionError as error:
        raise SystemExit(f'{args.source}: {error}\nnothing was written') from error
    write_checkpoint(args.target, converted, args.source, args.config, None)
    print(f'{args.target}: {len(converted)} tensors')


if __name__ == '__main__':
    main()

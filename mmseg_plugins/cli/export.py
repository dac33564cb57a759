"""Write one file to give away: weights alone, with config and classes inside.

    mmseg-plugins export CONFIG CHECKPOINT --out-file model.pth
    mmseg-plugins export CONFIG CHECKPOINT --out-file model.pth --half        # half the size
    mmseg-plugins export CONFIG CHECKPOINT --out-file model.safetensors

The file predicts without a config: "mmseg-plugins predict - model.pth photos/ --out-dir predictions", or in Python
Predictor(None, 'model.pth').  It cannot be resumed from.  ONNX and TorchScript are not written.
"""

from __future__ import annotations

import argparse

from mmseg_plugins.cli.arguments import add_cfg_options, add_config, add_out_file, check_out_file
from mmseg_plugins.cli.frame import DONE, Parser


def add_arguments(parser: Parser) -> None:
    add_config(parser)
    parser.add_argument('checkpoint', metavar='CHECKPOINT', help='.pth file')
    add_out_file(parser, 'the exported model')
    parser.add_argument('--half', action='store_true',
                        help='weights in 16 bit; vectors, and what 16 bit cannot hold, stay in 32')
    parser.add_argument('--format', help='pth or safetensors (default: by the suffix)')
    add_cfg_options(parser)


def run(args: argparse.Namespace) -> int:
    check_out_file(args.out_file)
    from mmseg_plugins.apis.export import export_model

    found = export_model(args.config, args.checkpoint, args.out_file, half=args.half, file_format=args.format,
                         cfg_options=args.cfg_options)
    print(f'{args.out_file}: {found["parameters"]:,} parameters, {len(found["classes"])} classes, '
          f'{found["bytes"] / 1e6:.1f} MB')
    if found['kept_full']:
        print(f'{len(found["kept_full"])} tensors stay in 32 bit: vectors, and what 16 bit cannot hold')
    return DONE

"""Make a trained checkpoint part of the package, for those who maintain it.

    mmseg-plugins publish CONFIG CHECKPOINT --name enet-camvid

CONFIG is one of ours, and its metafile row has the results of this checkpoint (mmseg-plugins results record).  The file
mmseg_plugins/weights/shipped/NAME.safetensors holds weights in 16 bit, classes, palette and what the row says; the row
gets its SHA-256.  Then

    mmseg-plugins test NAME          # must give the row's scores
    mmseg-plugins predict NAME photos/

All shipped files together have at most 12 MB.
"""

from __future__ import annotations

import argparse

from mmseg_plugins.cli.arguments import add_config
from mmseg_plugins.cli.frame import DONE, Parser


def add_arguments(parser: Parser) -> None:
    add_config(parser)
    parser.add_argument('checkpoint', metavar='CHECKPOINT', help='the last checkpoint of the training')
    parser.add_argument('--name', required=True, help='what predict and test will take: enet-camvid')
    parser.add_argument('--dataset', help='which of the results in the row are those of the checkpoint')


def run(args: argparse.Namespace) -> int:
    from mmseg_plugins.apis.publish import publish_model

    done = publish_model(args.config, args.checkpoint, args.name, dataset=args.dataset)
    print(f'{done.file}: {done.size / 1e6:.2f} MB, SHA-256 {done.sha256}')
    print(f'{len(done.kept_full)} tensors stay in 32 bit: vectors, and what 16 bit cannot hold')
    print(f'{done.metafile}: entered')
    scores = ', '.join(f'{metric} {value:.1f}' for metric, value in done.metrics.items())
    print(f'next: mmseg-plugins test {args.name}, which must give {scores}')
    return DONE

"""Which annotations contradict a trained model: missing, extra, of a wrong class, badly drawn.

    mmseg-plugins review-labels CONFIG CHECKPOINT --out-dir review
    mmseg-plugins review-labels CONFIG CHECKPOINT --out-dir review --split val --top 80

For instances and for label maps.  Writes findings.csv, the most suspicious first, and sheet_1.png, sheet_2.png, ...
with the first of them: what is annotated, and what the model sees there.  Nothing is changed in the data.

A model that has seen an error often enough repeats it: review data that it was not trained on (--split val), or stop
early.  How suspicion is measured: docs/formats.md.
"""

from __future__ import annotations

import argparse
from collections import Counter

from mmseg_plugins.cli.arguments import add_cfg_options, add_config, add_device, add_out_dir, at_least, check_out_dir
from mmseg_plugins.cli.frame import DONE, Parser
from mmseg_plugins.utils.errors import UserError


def add_arguments(parser: Parser) -> None:
    add_config(parser)
    parser.add_argument('checkpoint', metavar='CHECKPOINT', help='.pth file')
    add_out_dir(parser, 'findings.csv and sheets of pictures')
    parser.add_argument('--split', choices=('train', 'val', 'test'), default='train', help='which data (default train)')
    parser.add_argument('--score-thr', type=float, default=0.3, help='least score of a prediction (default 0.3)')
    parser.add_argument('--least', type=float, default=0.1, help='least suspicion that is written (default 0.1)')
    parser.add_argument('--top', type=int, default=40, help='findings that are drawn (default 40)')
    add_device(parser)
    add_cfg_options(parser)


def run(args: argparse.Namespace) -> int:
    at_least(0, top=args.top)
    for name in ('score_thr', 'least'):
        if not 0 <= getattr(args, name) <= 1:
            raise UserError(f'--{name.replace("_", "-")} {getattr(args, name)}: it lies between 0 and 1')
    check_out_dir(args.out_dir)
    from mmseg_plugins.apis.review import ReviewJob, review_labels

    job = ReviewJob(args.out_dir, args.split, args.score_thr, args.least, args.top, args.device)
    findings, images, written = review_labels(args.config, args.checkpoint, job, args.cfg_options)
    kinds = ', '.join(f'{number} {kind}' for kind, number in Counter(item.kind for item in findings).most_common())
    print(f'{images} images, {len(findings)} findings' + (f': {kinds}' if kinds else ''))
    for rank, item in enumerate(findings[:5], start=1):
        print(f'  {rank}. {item.suspicion:.2f} {item.kind}: {item.labeled or item.predicted}, {item.image}')
    print('written:', *written, sep='\n  ')
    return DONE

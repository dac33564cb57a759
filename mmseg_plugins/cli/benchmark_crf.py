"""Measure the dense CRF: set-up, inference, memory, next to pydensecrf (if it is installed) and ConvCRF, in one run.

    mmseg-plugins benchmark crf
    mmseg-plugins benchmark crf --image photo.jpg --preset deeplabv2-r101 --threads 2 --out-file crf.json

Without an image a made-up one is used.  The three take turns, so that other work on the machine meets them alike, and
the marginals of the first two are compared.  "set-up" builds what belongs to the image (lattices and normalizers),
"inference" is all iterations.  "pip install pydensecrf2" gives the other side (Python up to 3.12).

On a machine that does other work as well, --clock cpu --threads 1 counts the process's own processor time.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mmseg_plugins.cli.arguments import at_least
from mmseg_plugins.cli.frame import DONE, Parser
from mmseg_plugins.cli.timing import add_timing, start_timing, write_timing


def add_arguments(parser: Parser) -> None:
    parser.add_argument('--image', type=Path, help='an image, resized to --size; default a made-up one')
    parser.add_argument('--size', type=int, nargs=2, default=(500, 375), metavar=('W', 'H'), help='default 500 375')
    parser.add_argument('--classes', type=int, default=21, help='default 21')
    parser.add_argument('--preset', default='pydensecrf', help='parameters by name (default pydensecrf)')
    parser.add_argument('--iterations', type=int, default=10, help='of the mean field (default 10)')
    add_timing(parser, rounds=5)


def run(args: argparse.Namespace) -> int:
    at_least(1, iterations=args.iterations, size=min(args.size))
    at_least(2, classes=args.classes)
    device, clock = start_timing(args)
    from dataclasses import replace

    import cv2
    import torch

    from mmseg_plugins.engine.setup import setup_process

    setup_process()  # models need operators
    from mmseg_plugins.benchmark.crf import format_report, measure_crf, synthetic_picture
    from mmseg_plugins.models.crf.crf_presets import resolve_params
    from mmseg_plugins.structures.images import read_image
    from mmseg_plugins.utils import environment

    width, height = args.size
    params = replace(resolve_params(args.preset, {}), iterations=args.iterations)
    image = synthetic_picture(height, width)
    if args.image is not None:
        pixels = cv2.resize(read_image(args.image), (width, height))[..., ::-1]  # BGR -> RGB
        image = torch.from_numpy(pixels.transpose(2, 0, 1).copy())
    result = measure_crf(image, args.classes, params, args.rounds, device, clock)
    print(f'{environment.hardware()["cpu"]}, {torch.get_num_threads()} threads, device {device}, torch '
          f'{torch.__version__}, {args.clock} time, medians of {args.rounds} runs\n{width} x {height} px, '
          f'{args.classes} classes, {args.iterations} iterations, preset {args.preset}, vertices of the lattices '
          f'{result["vertices"]}\n')
    print(format_report(result, width * height))
    write_timing(args.out_file, dict(result, size=[width, height], classes=args.classes, preset=args.preset,
                                     clock=args.clock, iterations=args.iterations))
    return DONE

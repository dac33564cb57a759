"""Measure the dense CRF: set-up, inference, memory, beside pydensecrf (if it is installed) and ConvCRF, in one run.

    python tools/analysis_tools/benchmark_crf.py
    python tools/analysis_tools/benchmark_crf.py --image photo.jpg --preset deeplabv2-r101 --threads 2 --out crf.json

Without an image a made-up one is used.  The three take turns, so that other work on the machine meets them alike, and
the marginals of the first two are compared.  ``set-up`` builds what belongs to the image (lattices and normalisers),
``inference`` is all iterations.  ``pip install pydensecrf2`` gives the other side (Python up to 3.12).

On a machine that does other work as well, ``--clock cpu --threads 1`` counts the process's own processor time.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mmseg_plugins.utils.errors import UserError


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--image', type=Path, help='a photograph, resized to --size; default a made-up one')
    parser.add_argument('--size', type=int, nargs=2, default=(500, 375), metavar=('W', 'H'), help='default 500 375')
    parser.add_argument('--classes', type=int, default=21, help='default 21')
    parser.add_argument('--preset', default='pydensecrf', help='parameters by name (default pydensecrf)')
    parser.add_argument('--iterations', type=int, default=10, help='of the mean field (default 10)')
    parser.add_argument('--rounds', type=int, default=5, help='timed runs of each (default 5)')
    parser.add_argument('--device', default='cpu', help='cpu, cuda:0, ... (default cpu)')
    parser.add_argument('--threads', type=int, help="torch's threads; default its own choice")
    parser.add_argument('--clock', choices=['wall', 'cpu'], default='wall', help='what is counted (default wall)')
    parser.add_argument('--out', type=Path, help='write everything measured to this JSON file')
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    parser = build_parser()
    args = parser.parse_args(argv)
    for name, value in (('classes', args.classes - 1), ('iterations', args.iterations), ('rounds', args.rounds)):
        if value < 1:
            parser.error(f'--{name} {getattr(args, name)}: too small')
    if min(args.size) < 1:
        parser.error(f'--size {args.size}: at least 1 1')
    import cv2
    import torch

    from mmseg_plugins.benchmark.crf import measure_crf, synthetic_picture
    from mmseg_plugins.models.crf.crf_presets import resolve_params
    from mmseg_plugins.structures.images import read_image
    from mmseg_plugins.utils import environment

    if args.clock == 'cpu' and args.device != 'cpu':
        parser.error(f'--clock cpu --device {args.device}: processor time says nothing about another device; leave it')
    if args.threads:
        torch.set_num_threads(args.threads)
    width, height = args.size
    try:
        params = replace(resolve_params(args.preset, {}), iterations=args.iterations)
        image = synthetic_picture(height, width)
        if args.image is not None:
            pixels = cv2.resize(read_image(args.image), (width, height))[..., ::-1]  # BGR -> RGB
            image = torch.from_numpy(pixels.transpose(2, 0, 1).copy())
    except (UserError, ValueError, OSError) as error:
        parser.error(str(error))
    clock = time.process_time if args.clock == 'cpu' else time.perf_counter
    result = measure_crf(image, args.classes, params, args.rounds, args.device, clock)
    hardware = environment.hardware()
    print(f'{hardware["cpu"]}, {torch.get_num_threads()} threads, device {args.device}, torch {torch.__version__}, '
          f'{args.clock} time, medians of {args.rounds} runs\n{width} x {height} px, {args.classes} classes, '
          f'{args.iterations} iterations, preset {args.preset}, vertices of the lattices {result["vertices"]}\n')
    print('| | set-up s | inference s | together s |\n|---|---|---|---|')
    for name, title in (('ours', 'dense_crf'), ('pydensecrf', 'pydensecrf')):
        if result[name] is not None:
            parts = result[name]['setup_s'], result[name]['inference_s']
            print(f'| {title} | {parts[0]:.3f} | {parts[1]:.3f} | {sum(parts):.3f} |')
    print(f'| conv_crf | - | - | {result["conv_crf_s"]:.3f} |\n\npeak memory of dense_crf {result["peak_mb"]:.0f} MB')
    if result['pydensecrf'] is None:
        print('pydensecrf cannot be imported here, so it is not compared')
    else:
        print(f'largest difference of a marginal {result["largest_difference"]:.1e}, '
              f'{result["other_labels"]} of {width * height} labels differ')
    if args.out:
        content = dict(result, size=[width, height], classes=args.classes, preset=args.preset, clock=args.clock,
                       iterations=args.iterations, hardware=hardware, versions=environment.versions())
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps(content, indent=1) + '\n', encoding='utf-8')
        print(f'written: {args.out}')
    return 0


if __name__ == '__main__':
    sys.exit(main())

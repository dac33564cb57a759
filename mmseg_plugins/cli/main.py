"""The command ``mmseg-plugins``, also ``python -m mmseg_plugins``: its subcommands and how one of them is run."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from mmseg_plugins.cli.frame import DONE, REFUSED, Command, explain_failures, find, overview, parser_of
from mmseg_plugins.utils.suggest import did_you_mean
from mmseg_plugins.version import __version__

PROG = 'mmseg-plugins'
HEAD = 'Train, test and use segmentation systems that mmdetection and mmsegmentation never shipped.'

COMMANDS = (
    Command('train', 'train a config; the same command again resumes', 'train'),
    Command('test', 'evaluate a checkpoint on the test data of a config', 'test'),
    Command('predict', 'predict images: overlays, COCO results, label maps', 'predict'),
    Command('demo', 'from nothing to pictures: make data, train, evaluate, draw', 'demo'),
    Command('doctor', 'what is installed, what is wrong with it, and the fix', 'doctor'),
    Command('list', 'our configs with data set and scores, or the systems', 'list_configs'),
    Command('print-config', 'a config as it is used: bases merged, options applied', 'print_config'),
    Command('check-data', "check a config's annotations and images without training", 'check_data'),
    Command('review-labels', 'rank the annotations that contradict a trained model', 'review_labels'),
    Command('browse', 'draw what a config trains on', 'browse'),
    Command('fit', 'measure your data and write the settings that fit it', 'fit'),
    Command('convert-data', 'make a data set in the format that the configs read', children=(
        Command('annotations', 'masks of one format into another: COCO, YOLO, labelme, label images, ...',
                'convert_annotations'),
        Command('panoptic', 'panoptic maps of objects and label maps, and back', 'convert_panoptic'),
        Command('label-maps', 'maps of colors, or of 0 and 255, to class numbers', 'convert_label_maps'),
        Command('shapes', 'generate shapes; needs no download', 'convert_shapes'),
        Command('dsb2018', '2018 Data Science Bowl (nuclei) to COCO', 'convert_dsb2018'),
        Command('camvid', 'CamVid of the SegNet tutorial to label maps with void', 'convert_camvid'),
        Command('sbd', 'Semantic Boundaries Dataset (.mat) to COCO', 'convert_sbd'),
        Command('labelme', 'a folder of labelme files to COCO', 'convert_labelme'),
        Command('via', 'a VGG Image Annotator export to COCO', 'convert_via'),
    )),
    Command('grabcut', 'masks for people who have boxes or strokes', 'grabcut'),
    Command('click', 'masks for people who click once on each object', 'click'),
    Command('convert-weights', 'released weights of another implementation for our configs', 'convert_weights'),
    Command('class-weights', "class weights of a data set's label maps", 'class_weights'),
    Command('few-labels', 'choose a few labelled images of a data set, as a list', 'few_labels'),
    Command('export', 'one file with weights, config and classes, to give away', 'export'),
    Command('publish', 'make a trained checkpoint part of this package', 'publish'),
    Command('results', 'keep measured numbers in the metafiles', children=(
        Command('record', 'write the results of a finished run into its metafile', 'results_record'),
        Command('tables', 'make the tables of the READMEs anew', 'results_tables'),
        Command('index', 'make model-index.yml anew', 'results_index'),
    )),
    Command('curves', 'curves of several runs in one picture', 'curves'),
    Command('compare', 'the same images through several systems, on one sheet', 'compare'),
    Command('tune-crf', "choose a dense CRF's parameters for a segmentor", 'tune_crf'),
    Command('benchmark', 'measure time and memory', children=(
        Command('models', 'training and inference of several configs', 'benchmark_models'),
        Command('operators', 'the RoI operators', 'benchmark_operators'),
        Command('mmcv-operators', "the stand-ins for mmcv's operators next to mmcv's own", 'benchmark_mmcv_operators'),
        Command('mmcv-systems', 'systems with compiled mmcv and without', 'benchmark_mmcv_systems'),
        Command('crf', 'the dense CRF next to pydensecrf and ConvCRF', 'benchmark_crf'),
        Command('overfit', 'can a system learn a few images by heart?', 'benchmark_overfit'),
        Command('recipe', 'which learning rate suits a system, on held-out training images', 'benchmark_recipe'),
        Command('solo-memory', "peak memory of SOLO's prediction on one large image", 'benchmark_solo_memory'),
        Command('panoptic-quality', "the metric's counting of shared pixels", 'benchmark_panoptic_quality'),
    )),
    Command('completion', 'a script for bash, zsh or fish that completes this command', 'completion'),
)  # fmt: skip


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand.

    Args:
        argv: The words after the command's name; those of the process by default.

    Returns:
        The exit status, see :data:`mmseg_plugins.cli.frame.EXIT_TABLE`; what went wrong was printed.
    """
    command, path, rest = find(COMMANDS, list(sys.argv[1:] if argv is None else argv))
    prog = ' '.join([PROG, *path])
    if command is None:
        return _no_command(path, rest, prog)
    try:
        with explain_failures():
            parser, module = parser_of(command, prog)
            args = parser.parse_args(rest)
            args.command_line = [PROG, *path, *rest]
            return int(module.run(args))
    except SystemExit as stop:  # --help, wrong words, a failure that was explained
        return stop.code if isinstance(stop.code, int) else DONE
    except BrokenPipeError:  # ``mmseg-plugins list | head``
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE


def _no_command(path: Sequence[str], rest: Sequence[str], prog: str) -> int:
    """Help, version, or a refusal that names what is near."""
    commands: Sequence[Command] = COMMANDS
    for name in path:
        commands = next(one for one in commands if one.name == name).children
    head = HEAD if not path else next(one.help for one in COMMANDS if one.name == path[0])
    if rest and rest[0] in ('-h', '--help', 'help'):
        print(overview(commands, prog, head))
        return DONE
    if rest and rest[0] == '--version' and not path:
        print(f'{PROG} {__version__}')
        return DONE
    names = [one.name for one in commands]
    problem = f'no command {rest[0]!r}{did_you_mean(rest[0], names)}' if rest else 'a command is missing'
    print(f'error: {prog}: {problem}. Fix: one of {", ".join(names)}', file=sys.stderr)
    return REFUSED

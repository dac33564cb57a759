"""Convert a checkpoint of FCIS, of its authors or of chainercv, for this project's configs.

    python tools/model_converters/fcis_official.py e2e-0021.params checkpoints/fcis_r101_voc.pth
    python tools/test.py configs/fcis/fcis_r101-dc5-random_4xb1-62k_sbd.py checkpoints/fcis_r101_voc.pth
    python tools/model_converters/fcis_official.py fcis_resnet101_sbd_trained_2018_06_22.npz checkpoints/fcis_sbd.pth
    python tools/test.py configs/fcis/fcis_r101-dc5-random-chainercv_1xb1-236k_sbd.py checkpoints/fcis_sbd.pth

Reads MXNet's .params (github.com/msracver/FCIS) and chainer's .npz (github.com/chainer/chainercv) without mxnet and
chainer, and without running any code in them.  Keys that are unknown, missing or of another shape than the config's
model are listed and nothing is written.
"""

from __future__ import annotations

import argparse
import zipfile
from pathlib import Path

import numpy as np
import torch
from mmdet.datasets import CocoDataset
from mmdet.registry import MODELS
from mmengine.registry import init_default_scope

from mmseg_plugins.config.load import load_config
from mmseg_plugins.datasets.sbd_files import CLASSES as VOC_CLASSES
from mmseg_plugins.weights.convert_file import write_checkpoint
from mmseg_plugins.weights.fcis_detector import convert_fcis, ignored_keys
from mmseg_plugins.weights.mxnet_params import ParamsFileError, read_params
from mmseg_plugins.weights.state_dict_rules import ConversionError, check_matches

CONFIGS = Path(__file__).parents[2] / 'configs/fcis'
#: Whose weights, and how many classes -> the config that they run under.
DEFAULT_CONFIGS = {
    ('msracver', 80): 'fcis_r101-dc5_8xb1-240k_coco.py',
    ('msracver', 20): 'fcis_r101-dc5-random_4xb1-62k_sbd.py',
    ('chainercv', 80): 'fcis_r101-dc5-random-chainercv_8xb1-264k_coco.py',
    ('chainercv', 20): 'fcis_r101-dc5-random-chainercv_1xb1-236k_sbd.py',
}
CLASSES = {len(names): names for names in (VOC_CLASSES, CocoDataset.METAINFO['classes'])}
SCORES_A_CLASS = 2 * 7 * 7


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('source', type=Path, help="a .params file of msracver/FCIS or a .npz file of chainercv's FCIS")
    parser.add_argument('target', type=Path, help='the file to write')
    parser.add_argument(
        '--config', help='config of the model that the weights must fit; by default chosen by origin and classes')
    return parser.parse_args()


def read(path: Path) -> tuple[dict[str, torch.Tensor], str]:
    """Tensors under the original names, and whose they are: ``'msracver'`` or ``'chainercv'``."""
    if not path.is_file():
        raise SystemExit(f'{path} does not exist. Fix: mend the path.')
    if not zipfile.is_zipfile(path):
        return {name: torch.from_numpy(array) for name, array in read_params(path).items()}, 'msracver'
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {name: torch.from_numpy(np.asarray(arrays[name])) for name in arrays.files}, 'chainercv'
    except (ValueError, TypeError) as error:
        raise SystemExit(f'{path} cannot be read as a .npz of plain arrays: {error}. Fix: is it the right file?'
                         ) from error


def default_config(tensors: dict[str, torch.Tensor], origin: str) -> str:
    """The config for these weights, by the number of their classes."""
    ends = 'fcis_cls_seg_bias' if origin == 'msracver' else 'head/cls_seg/b'
    biases = [tensor for name, tensor in tensors.items() if name.endswith(ends)]
    classes = len(biases[0]) // SCORES_A_CLASS - 1 if biases else None
    if (origin, classes) not in DEFAULT_CONFIGS:
        raise SystemExit(
            f'weights of {origin} for {classes} classes: no config is known for them. Rule: without --config they must '
            f'have 20 (VOC) or 80 classes (COCO), in ...{ends}. Fix: name the config of the model with --config.')
    return str(CONFIGS / DEFAULT_CONFIGS[origin, classes])


def main() -> None:
    """Convert, compare with the model, write."""
    args = parse_args()
    try:
        tensors, origin = read(args.source)
        config = args.config or default_config(tensors, origin)
        cfg = load_config(config)
        convention = cfg.model.roi_head.get('convention', 'msracver')
        if convention != origin:
            raise SystemExit(
                f"{args.source} holds weights of {origin}, but {config} has roi_head.convention = '{convention}'. "
                'Rule: weights run under the conventions they were trained with. Fix: leave --config out, or set '
                f"convention='{origin}' in the RPN and the RoI head.")
        init_default_scope(cfg.get('default_scope', 'mmdet'))
        converted = convert_fcis(tensors, origin)
        check_matches(converted, MODELS.build(cfg.model).state_dict(), f'the model of {config}')
    except (ConversionError, ParamsFileError) as error:
        raise SystemExit(f'{args.source}: {error}\nnothing was written') from error
    write_checkpoint(args.target, converted, args.source, config, CLASSES.get(cfg.model.roi_head.num_classes))
    ignored = ignored_keys(tensors)
    print(f'{args.target}: {len(converted)} tensors for {config}')
    if ignored:
        print(f'left out by rule (copies for the demo, counters): {len(ignored)}: {", ".join(ignored[:4])}'
              f'{" ..." if len(ignored) > 4 else ""}')


if __name__ == '__main__':
    main()

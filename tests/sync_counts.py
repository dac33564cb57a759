"""How often the host waits for the device in a training step and for a predicted image, system by system.

``python tests/sync_counts.py`` counts anew on the simulated device and writes ``tests/sync_budget.json`` and the table
of ``docs/accelerators.md``.  Cells of the mixing grid: ResNet, FPN and the system (once also EVA-02 and its pyramid) on
two images of 64 x 64 pixels; semantic systems: two crops of 64 x 64.  A step is forward and backward pass and SGD; the
images lie on the device.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path

import torch
from config_files import NAMES, loaded
from device_checks import build_cell
from mixing_grid import BATCHES, PYRAMID, Mix
from mixing_systems import SYSTEMS
from mmengine.registry import DefaultScope
from semantic_batches import random_labels, semantic_batch
from semantic_contract import build_segmentor
from simulated_device import SimulatedDevice
from tiny_models import batch
from torch import nn

ROOT = Path(__file__).resolve().parents[1]
BUDGET = ROOT / 'tests/sync_budget.json'
TABLE = ROOT / 'docs/accelerators.md'
BEGIN, END = '<!-- synchronisations: begin -->', '<!-- synchronisations: end -->'
OURS = 'mmseg_plugins'

# What is counted of the mixing grid.
CELLS = {system: Mix('mmdet.ResNet', 'mmdet.FPN', system) for system in SYSTEMS} | {
    'Mask R-CNN on EVA-02': Mix('mmseg_plugins.EVA02', PYRAMID, 'Mask R-CNN')}  # fmt: skip

Counts = dict[str, dict[str, int]]  # phase -> top package -> synchronizations

# One semantic system of each kind of head, by the beginning of its config's name.
SEMANTIC = (
    'fcn8s_', 'segnet_', 'unet_valid', 'deeplabv2_r18s_', 'enet_port', 'linknet_', 'crfrnn_', 'upernet_eva02-96_')


def semantic_configs() -> dict[str, str]:
    """Name of a system -> its config for CamVid."""
    names = [name for name in NAMES if name.endswith('1000it-crop224_camvid.py')]
    return {stem.strip('_-'): next(name for name in names if Path(name).name.startswith(stem)) for stem in SEMANTIC}


def systems() -> list[str]:
    """All that is counted."""
    return [*CELLS, *semantic_configs()]


def count(system: str) -> Counts:
    """Synchronisations of one training step on two images and of one predicted image."""
    semantic = semantic_configs().get(system)
    with DefaultScope.overwrite_default_scope('mmseg' if semantic else 'mmdet'):
        if semantic:
            model = build_segmentor(loaded(semantic).model.to_dict(), 64)
            labels = [random_labels((64, 64), model.num_classes, seed=seed) for seed in (0, 1)]
            both, one = semantic_batch(labels), semantic_batch(labels[:1])
        else:
            model = build_cell(CELLS[system])
            both, one = batch(BATCHES['objects']), batch(BATCHES['objects'][:1])
        torch.manual_seed(0)
        with SimulatedDevice() as device:
            return count_phases(device.move(model), both, one, device)


def count_phases(model: nn.Module, both: dict, one: dict, device: SimulatedDevice) -> Counts:
    """Count a step on ``both`` images and the prediction of ``one``, which are raw input of ``model``."""
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    model.train()
    data = model.data_preprocessor(both, True)
    device.syncs.clear()
    losses = model.loss(data['inputs'], data['data_samples'])
    total, _ = model.parse_losses(losses)
    total.backward()
    optimizer.step()
    counts = {'train': device.per_owner()}
    model.eval()
    data = model.data_preprocessor(one, False)
    device.syncs.clear()
    with torch.no_grad():
        model.predict(data['inputs'], data['data_samples'])
    return {**counts, 'predict': device.per_owner()}


def table(budget: dict[str, Counts]) -> str:
    """The budget as a table in Markdown."""
    rows = ['| system | step: ours | step: hosts | step: autograd | image: ours | image: hosts |',
            '|---|---:|---:|---:|---:|---:|']  # fmt: skip
    for system, counts in budget.items():
        train, predict = counts['train'], counts['predict']
        numbers = [train.get(OURS, 0), _hosts(train), train.get('autograd', 0), predict.get(OURS, 0), _hosts(predict)]
        rows.append(f'| {system} | ' + ' | '.join(map(str, numbers)) + ' |')
    return '\n'.join(rows)


def _hosts(counts: dict[str, int]) -> int:
    return sum(times for owner, times in counts.items() if owner not in (OURS, 'autograd'))


def with_table(text: str, budget: dict[str, Counts]) -> str:
    """A document whose part between the two marks is :func:`table`."""
    before, rest = text.split(BEGIN)
    return f'{before}{BEGIN}\n{table(budget)}\n{END}{rest.split(END)[1]}'


def main() -> None:
    """Count all systems and write both files."""
    logging.disable(logging.INFO)
    budget = {system: count(system) for system in systems()}
    BUDGET.write_text(json.dumps(budget, indent=1) + '\n')
    TABLE.write_text(with_table(TABLE.read_text(), budget))
    print(table(budget))


if __name__ == '__main__':
    main()

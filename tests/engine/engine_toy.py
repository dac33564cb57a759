"""A toy model and data set whose training depends on every random generator."""

from __future__ import annotations

import itertools
import random
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.evaluator import BaseMetric
from mmengine.model import BaseModel
from mmengine.registry import DATASETS, METRICS, MODELS
from mmengine.structures import BaseDataElement
from torch import Tensor, nn

import mmseg_plugins.engine  # noqa: F401 - registers SafeRunner
from mmseg_plugins.engine.runner.safe_runner import SafeRunner

_RUNS = itertools.count()


@DATASETS.register_module()
class ToyDataset(BaseDataset):
    """Vectors of length 4; each draw adds noise from Python's, numpy's and torch's generator."""

    METAINFO = {'classes': ('a', 'b')}

    def __init__(self, length: int = 12, poison: tuple[int, ...] = (), **kwargs: Any) -> None:
        self.length = length
        self.poison = poison
        super().__init__(serialize_data=False, **kwargs)  # serializing collects garbage, 0.4 s each time

    def load_data_list(self) -> list[dict[str, Any]]:
        return [{'number': i, 'width': 4 + i % 3, 'height': 5} for i in range(self.length)]

    def prepare_data(self, idx: int) -> dict[str, Any]:
        number = self.get_data_info(idx)['number']
        noise = torch.tensor(
            [random.random(), np.random.rand(), torch.rand(1).item(), random.gauss(0, 1)], dtype=torch.float32
        )
        inputs = torch.full((4,), float(number)) / 12 + noise
        if number in self.poison:
            inputs = inputs * float('nan')
        sample = BaseDataElement(metainfo=dict(img_path=f'images/{number}.png'))
        return {'inputs': inputs, 'data_samples': sample}


@MODELS.register_module()
class ToyModel(BaseModel):
    """Two linear layers with dropout and batch norm; two loss terms, one of them a list."""

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, width), nn.BatchNorm1d(width), nn.ReLU(), nn.Dropout(0.3))
        self.head = nn.Linear(width, 1)

    def forward(self, inputs: Any, data_samples: Any = None, mode: str = 'tensor') -> Any:
        x = torch.stack(list(inputs)) if isinstance(inputs, (list, tuple)) else inputs
        out: Tensor = self.head(self.body(x))
        if mode == 'loss':
            first = (out - x.mean(1, keepdim=True)).pow(2).mean()
            return {'loss_fit': first, 'loss_levels': [out.abs().mean() * 0.1, out.pow(2).mean() * 0.01]}
        return [BaseDataElement(out=o) for o in out]


@METRICS.register_module()
class ToyMetric(BaseMetric):
    """Mean prediction; draws random numbers, which must not disturb training."""

    def process(self, data_batch: Any, data_samples: Any) -> None:
        random.random(), np.random.rand(), torch.rand(1)
        self.results.append(float(np.mean([s.get('out').item() for s in data_samples])))

    def compute_metrics(self, results: list[Any]) -> dict[str, float]:
        return {'acc': float(np.mean(results))}


def toy_config(work_dir: Any, **changes: Any) -> Config:
    """An 8-iteration run that saves after 4 iterations; ``changes`` replace top-level keys."""
    cfg = dict(
        model=dict(type='ToyModel'),
        work_dir=str(work_dir),
        train_dataloader=loader(),
        train_cfg=dict(by_epoch=False, max_iters=8, val_interval=100),
        optim_wrapper=dict(optimizer=dict(type='AdamW', lr=0.01)),
        param_scheduler=[dict(type='CosineAnnealingLR', by_epoch=False, T_max=8, end=8)],
        default_hooks=dict(
            checkpoint=dict(type='mmseg_plugins.SafeCheckpointHook', by_epoch=False, interval=4, max_keep_ckpts=3),
            logger=dict(type='LoggerHook', interval=1),
        ),
        default_scope='mmengine',
        log_level='ERROR',
        log_processor=dict(by_epoch=False),
        env_cfg=dict(mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0)),
        runner_type='mmseg_plugins.SafeRunner',
        data_check=False,
        finite_loss=False,
        run_report=False,
        progress=False,
        resume='auto',
        randomness=dict(seed=3),
        # mmengine shares loggers and message hubs between runs of one name and second.
        experiment_name=f'toy{next(_RUNS)}',
    )
    cfg.update(changes)
    return Config(cfg)


def loader(workers: int = 0, sampler: str = 'InfiniteSampler', batch_size: int = 2, **changes: Any) -> dict[str, Any]:
    """A data loader's config."""
    return dict(
        dataset=dict(type='ToyDataset', **changes.pop('dataset', {})),
        sampler=dict(type=sampler, shuffle=True),
        batch_size=batch_size,
        num_workers=workers,
        persistent_workers=workers > 0,
        **changes,
    )


def validation() -> dict[str, Any]:
    """The three keys of a config that make it validate."""
    return dict(
        val_dataloader=dict(
            dataset=dict(type='ToyDataset', length=4, test_mode=True),
            sampler=dict(type='DefaultSampler', shuffle=False),
            batch_size=2,
        ),
        val_cfg=dict(),
        val_evaluator=dict(type='ToyMetric'),
    )


def train(work_dir: Any, **changes: Any) -> SafeRunner:
    """Build and train."""
    runner = SafeRunner.from_cfg(toy_config(work_dir, **changes))
    runner.train()
    return runner

"""Learning rates that fall from the head of a plain vision transformer to its patches."""

from __future__ import annotations

import re

from mmengine.optim import DefaultOptimWrapperConstructor, OptimWrapper
from mmengine.registry import OPTIM_WRAPPERS, OPTIMIZERS
from torch import nn

from mmseg_plugins.registry import OPTIM_WRAPPER_CONSTRUCTORS
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.utils.suggest import did_you_mean

SETTINGS = ('decay_rate', 'decay_flat', 'decay_positions')
FIRST = re.compile(r'(?:pos_embed|cls_token|patch_embed\..+)')
BLOCK = re.compile(r'blocks\.(?P<index>\d+)\..+')
POSITIONS = re.compile(r'(?:pos_embed|cls_token|blocks\.\d+\.attn\.relative\.rel_pos_[hw])')


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class ViTLayerDecay(DefaultOptimWrapperConstructor):
    """Groups of parameters with the rate ``lr * decay_rate ** n``, n counted back from the head.

    In a transformer of D blocks, block i has n = D - i, and patches, positions and class token have n = D + 1.
    Everything else (necks, heads, the transformer's last norm) has ``lr``.  mmseg's constructor of this purpose takes
    neither these names nor other transformers than three of its own.

    .. code-block:: python

        optim_wrapper = dict(
            type='OptimWrapper',
            constructor='mmseg_plugins.ViTLayerDecay',
            optimizer=dict(type='AdamW', lr=5e-5, weight_decay=0.1),
            paramwise_cfg=dict(decay_rate=0.7))

    ``paramwise_cfg``:
        decay_rate: Above 0, at most 1.
        decay_flat: Weight decay also for parameters of one dimension, i.e. norms and biases (default false; true in the
            original's detection).
        decay_positions: Weight decay also for positions and the class token (default false).  The original says false,
            compares names with a prefix that they do not have, and so decays them: true is what its numbers had.

    Raises:
        UserError: a setting that is missing, unknown or out of range, no transformer of this package in the model.
    """

    def _validate_cfg(self) -> None:
        super()._validate_cfg()
        unknown = sorted(set(self.paramwise_cfg) - set(SETTINGS))
        if unknown:
            raise UserError(f'ViTLayerDecay: paramwise_cfg has {unknown[0]!r}{did_you_mean(unknown[0], SETTINGS)}.',
                            rule=f'it takes {", ".join(SETTINGS)}.', fix='leave it out.')
        rate = self.paramwise_cfg.get('decay_rate')
        if not isinstance(rate, (int, float)) or not 0 < rate <= 1:
            raise UserError(f'ViTLayerDecay: paramwise_cfg.decay_rate={rate!r}.', rule='it is above 0 and at most 1.',
                            fix='for example 0.7 for EVA-02-B in detection.')
        if self.base_lr is None:
            raise UserError('ViTLayerDecay: the optimizer has no lr.', rule='rates are made from it.',
                            fix='optim_wrapper.optimizer.lr=...')

    def __call__(self, model: nn.Module) -> OptimWrapper:
        """Build the optimizer wrapper for ``model``."""
        model = getattr(model, 'module', model)
        groups: dict[tuple[int, bool], dict] = {}
        steps = _steps_from_the_head(model)
        for name, parameter in model.named_parameters():
            if not parameter.requires_grad:
                continue
            back, positions = steps.get(name, (0, False))
            decayed = (self.paramwise_cfg.get('decay_positions', False) if positions else
                       parameter.ndim > 1 or self.paramwise_cfg.get('decay_flat', False))
            group = groups.setdefault((back, decayed), dict(
                params=[], lr=self.base_lr * self.paramwise_cfg['decay_rate']**back))
            if not decayed:
                group['weight_decay'] = 0.0
            group['params'].append(parameter)
        ordered = [groups[key] for key in sorted(groups)]
        optimizer = OPTIMIZERS.build(dict(self.optimizer_cfg, params=ordered))
        return OPTIM_WRAPPERS.build({'type': 'OptimWrapper', **self.optim_wrapper_cfg},
                                    default_args=dict(optimizer=optimizer))


def _steps_from_the_head(model: nn.Module) -> dict[str, tuple[int, bool]]:
    """Of each parameter of the model's transformers: n, and whether it is a position or the class token."""
    from mmseg_plugins.models.backbones.eva import PlainViT  # models import the hosts; the engine must load before

    vits = {name: module for name, module in model.named_modules() if isinstance(module, PlainViT)}
    if not vits:
        raise UserError('ViTLayerDecay: the model has no EVA02 or EVA.', rule='its blocks give the rates their layers.',
                        fix='leave constructor and paramwise_cfg out.')
    steps = {}
    for prefix, vit in vits.items():
        depth = len(vit.blocks)
        for name, _ in vit.named_parameters():
            block = BLOCK.fullmatch(name)
            back = depth - int(block['index']) if block else depth + 1 if FIRST.fullmatch(name) else 0
            steps[f'{prefix}.{name}' if prefix else name] = back, bool(POSITIONS.fullmatch(name))
    return steps

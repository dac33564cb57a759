"""Ways to spoil a legal cell of the mixing grid, and the two sides that must stand in the error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from mixing_grid import Mix, combine
from mixing_systems import SYSTEMS, WIDTH
from mmengine.config import ConfigDict


class Fault(NamedTuple):
    """A way to spoil the cell ResNet + our neck + system; both sides must stand in the error."""

    spoil: Callable[[ConfigDict], None]
    sides: tuple[str, str]
    applies: Callable[[ConfigDict], bool] = lambda model: True


def _other_backbone(model: ConfigDict) -> None:
    model.backbone.base_channels = 4


def _wider_neck(model: ConfigDict) -> None:
    model.neck.out_channels = 2 * WIDTH


def _map_too_few(model: ConfigDict) -> None:
    model.neck.update(in_channels=model.neck.in_channels[:3], num_outs=model.neck.num_outs - 1)
    model.backbone.out_indices = (0, 1, 2)


def _map_too_many(model: ConfigDict) -> None:
    model.neck.num_outs += 1


def _wrong_strides(**stages: tuple[int, ...]) -> Callable[[ConfigDict], None]:
    """Other strides of the backbone's stages: a stock FPN reads them, and objects would lie in the wrong place."""

    def spoil(model: ConfigDict) -> None:
        model.backbone.update(stages)
        model.neck.update(type='mmdet.FPN')
        model.neck.pop('norm_cfg')

    return spoil


def _extractor(kind: str, **changes: Any) -> Callable[[ConfigDict], None]:
    return lambda model: model.roi_head[f'{kind}_roi_extractor'].update(changes)


def _is(kind: str, per_level: bool) -> Callable[[ConfigDict], bool]:
    def applies(model: ConfigDict) -> bool:
        extractor = model.get('roi_head', {}).get(f'{kind}_roi_extractor') or {}
        return extractor.get('type', '').endswith('AllLevelRoIExtractor' if per_level else 'SingleRoIExtractor')

    return applies


def _pooled(kind: str) -> tuple[str, str]:
    return rf'\b{kind}_head', r'extractor'


HEADS = r'model\.(rpn_head|mask_head|panoptic_head|roi_head)'
FAULTS: dict[str, Fault] = {
    'neck made for another backbone': Fault(_other_backbone, (r'model\.neck', r'model\.backbone')),
    'heads made for another neck': Fault(_wider_neck, (HEADS, r'model\.neck')),
    'a map too few': Fault(_map_too_few, (HEADS, r'model\.neck')),
    'a map too many': Fault(_map_too_many, (HEADS, r'model\.neck')),
    'strides of another backbone': Fault(_wrong_strides(strides=(2, 2, 2, 2)), (HEADS, r'model\.neck')),
    'a dilated last stage': Fault(
        _wrong_strides(strides=(1, 2, 2, 1), dilations=(1, 1, 1, 2)), (HEADS, r'model\.neck'),
        lambda model: 'stride' not in model.get('mask_head', {})),  # which is that of the first map
    **{
        f'every level for a {kind} head that reads one': Fault(
            _extractor(kind, type='mmseg_plugins.AllLevelRoIExtractor'), _pooled(kind), _is(kind, False))
        for kind in ('bbox', 'mask')
    },
    **{
        f'one level for a {kind} head that reads every one': Fault(
            _extractor(kind, type='SingleRoIExtractor'), _pooled(kind), _is(kind, True))
        for kind in ('bbox', 'mask')
    },
    'bins of another size': Fault(
        _extractor('bbox', roi_layer=dict(type='RoIAlign', output_size=5, sampling_ratio=1)), _pooled('bbox'),
        lambda model: 'bbox_roi_extractor' in model.get('roi_head', {})),
}  # fmt: skip


def spoiled(system: str, fault: str) -> ConfigDict | None:
    """The cell ResNet + PANetFPN + ``system`` with one fault; None where the system has nothing to spoil."""
    model = combine(Mix('mmdet.ResNet', 'mmseg_plugins.PANetFPN', system))
    if not FAULTS[fault].applies(model):
        return None
    FAULTS[fault].spoil(model)
    return model


ILLEGAL = [(system, fault) for system in SYSTEMS for fault in FAULTS if spoiled(system, fault) is not None]

"""Settings of predictions that the first validation, hours into a training, would stop at: ``test_cfg`` of a model."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from typing import Any

from torch import nn

from mmseg_plugins.engine.checks.semantic_level import check_semantic_level
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.utils.suggest import did_you_mean

_NUMBERS = ('score_thr', 'iou_threshold', 'iou_thr', 'max_per_img', 'nms_pre', 'min_bbox_size', 'mask_thr_binary',
            'mask_thr')  # fmt: skip


def check_built_model(model: nn.Module) -> None:
    """All that is asked of a model as soon as it is built, for training and prediction alike.

    Raises:
        UserError: see :func:`.check_semantic_level` and :func:`check_test_settings`.
    """
    check_semantic_level(model)
    check_test_settings(model)


def check_test_settings(model: nn.Module) -> None:
    """Refuse windows that do not fit together, thresholds that are texts, and kinds of NMS that do not exist.

    Raises:
        UserError: naming the setting.
    """
    if any(cls.__name__ == 'EncoderDecoder' for cls in type(model).__mro__):
        _check_windows(getattr(model, 'test_cfg', None) or {})
    for name, part in model.named_modules():
        for path, value in _settings(getattr(part, 'test_cfg', None), 'test_cfg'):
            _check_setting(f'{path} of {f"model.{name}" if name else "the model"}', path.rpartition('.')[2], value)


def _check_windows(settings: Mapping[str, Any]) -> None:
    mode = settings.get('mode', 'whole')
    if mode not in ('slide', 'whole'):
        raise UserError(f'model.test_cfg.mode={mode!r}{did_you_mean(str(mode), ("slide", "whole"))}.',
                        rule="'slide' or 'whole'.", fix='--cfg-options model.test_cfg.mode=whole.')
    if mode == 'whole':
        return
    for name in ('crop_size', 'stride'):
        pair = settings.get(name)
        if not isinstance(pair, (list, tuple)) or len(pair) != 2 or not all(type(n) is int and n > 0 for n in pair):
            raise UserError(f"model.test_cfg.{name}={pair!r} with mode='slide'.",
                            rule='height and width in pixels, at least 1.',
                            fix=f'model.test_cfg.{name}=(512, 512), say.')
    crop, stride = settings['crop_size'], settings['stride']
    if stride[0] > crop[0] or stride[1] > crop[1]:
        raise UserError(f'model.test_cfg.stride={tuple(stride)} is more than crop_size={tuple(crop)}.',
                        rule='the windows leave no pixel out.', fix=f'model.test_cfg.stride={tuple(crop)} or less.')


def _settings(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    for key, inner in value.items() if isinstance(value, Mapping) else ():
        yield f'{path}.{key}', inner
        yield from _settings(inner, f'{path}.{key}')


def _check_setting(path: str, name: str, value: Any) -> None:
    if name in _NUMBERS and isinstance(value, str):
        raise UserError(f'{path} is {value!r}, a text.', rule='a number.', fix=f'{value} without quotes.')
    if name == 'nms' and isinstance(value, Mapping) and isinstance(value.get('type'), str):
        nms = importlib.import_module('mmcv.ops.nms')  # mmcv.ops.nms alone is the function
        known = [key for key in vars(nms) if key.endswith('nms') and key != 'batched_nms']
        if value['type'] not in vars(nms):
            raise UserError(f'{path} has type={value["type"]!r}{did_you_mean(value["type"], known)}.',
                            rule=f'of {", ".join(known)}.', fix="type='nms'.")

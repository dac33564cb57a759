"""Panoptic maps of any instance model and any semantic model: a ``post_process`` of a config."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.registry import DefaultScope
from mmengine.structures import PixelData
from torch import Tensor

from mmseg_plugins.apis.inference import Predictor
from mmseg_plugins.config.scope import enter_scope
from mmseg_plugins.models.postprocess.panoptic_merge import merge_panoptic
from mmseg_plugins.registry import MODELS
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.utils.suggest import did_you_mean
from mmseg_plugins.visualization.samples import get_label_map
from mmseg_plugins.visualization.semantic import IGNORE


@MODELS.register_module()
class PanopticMerge:
    """Add a panoptic map to the instances that the config's own model predicts, with stuff of a second model.

    ::

        image -+-> model of this config -> pred_instances -+-> merge_panoptic -> pred_panoptic_seg.sem_seg (1, H, W)
               +-> semantic model ------> pred_sem_seg ----+

    .. code-block:: python

        post_process = dict(
            type='mmseg_plugins.PanopticMerge',
            config='configs/.../semantic.py', checkpoint='work_dirs/.../best.pth',
            things=('circle', 'square'), stuff=('grain', ))

    Works in ``test``, ``predict`` and :class:`~mmseg_plugins.apis.inference.Predictor`.  The semantic model is built
    at the first image and reads each image by its own test pipeline.  Its label map is put into the samples too, with
    the classes in the order of the result; pixels of its other classes are 255.

    Args:
        config: Of the semantic model, as ``predict`` takes it.
        checkpoint: Its weights.
        things: Classes of the instance model, in the order of its labels.
        stuff: Classes of the semantic model that become stuff, by name; they follow the things.
        score_thr: Least score of an instance.
        overlap_thr: An instance is left out when a larger share of it is covered by better ones, in 0..1.
        stuff_area_limit: Least px of a stuff class in an image.
        validation: Read by the hook: whether it acts in validation too.

    Raises:
        UserError: thresholds out of range; a class that is a thing and stuff; at the first image: a stuff class that
            the semantic model does not have, a model that gives no masks or no label map, or more labels than things.
    """

    def __init__(self, *, config: str, checkpoint: str, things: Sequence[str], stuff: Sequence[str],
                 score_thr: float = 0.5, overlap_thr: float = 0.5, stuff_area_limit: int = 4096) -> None:
        for name, value in (('score_thr', score_thr), ('overlap_thr', overlap_thr)):
            if not 0 <= value <= 1:
                raise UserError(f'PanopticMerge: {name}={value} must lie in 0..1.', fix=f'{name}=0.5')
        if stuff_area_limit < 0:
            raise UserError(f'PanopticMerge: stuff_area_limit={stuff_area_limit} must be 0 px or more.',
                            fix='stuff_area_limit=4096')
        double = [name for name in stuff if name in things]
        if double or not things:
            raise UserError(f'PanopticMerge: things={tuple(things)}, stuff={tuple(stuff)}.',
                            rule='at least one thing, and no class is both.', fix='correct the names.')
        self.config, self.checkpoint = config, checkpoint
        self.things, self.stuff = tuple(things), tuple(stuff)
        self.score_thr, self.overlap_thr, self.stuff_area_limit = score_thr, overlap_thr, stuff_area_limit
        self._predictor: Predictor | None = None
        self._targets: dict[int, int] = {}

    @property
    def meta(self) -> dict[str, Any]:
        """Classes of the merged maps: things, then stuff."""
        return {'classes': (*self.things, *self.stuff), 'thing_classes': self.things, 'palette': None}

    def __call__(self, samples: Sequence[Any], images: Sequence[Tensor], model: Any = None) -> Sequence[Any]:
        """Add ``pred_panoptic_seg`` and ``pred_sem_seg`` to the samples.

        Args:
            samples: Predictions with masks (N, H, W), in the frame of the original images; they are changed.
            images: (3, H, W), RGB in 0..255, of the predictions' size.
            model: Which made the predictions; not read.
        """
        for sample, image in zip(samples, images, strict=True):
            instances = sample.get('pred_instances')
            if instances is None or 'masks' not in instances:
                raise UserError(f'PanopticMerge: the model gives {sorted(sample.keys())}, but no instance masks.',
                                fix='post_process belongs into the config of an instance model')
            if len(instances) and int(instances.labels.max()) >= len(self.things):
                raise UserError(f'PanopticMerge: the model predicts label {int(instances.labels.max())}.',
                                rule=f'things names {len(self.things)} classes {self.things}, labels 0..'
                                     f'{len(self.things) - 1}.', fix='name all classes of the instance model.')
            masks = torch.as_tensor(instances.masks)
            semantic = self._label_map(image, masks.device)
            merged = merge_panoptic(
                masks, instances.labels, instances.scores, semantic, self._stuff(), void=len(self.meta['classes']),
                score_thr=self.score_thr, overlap_thr=self.overlap_thr, stuff_area_limit=self.stuff_area_limit)
            sample.pred_panoptic_seg = PixelData(sem_seg=merged[None])
            sample.pred_sem_seg = PixelData(sem_seg=self._in_our_order(semantic)[None])
        return samples

    def _label_map(self, image: Tensor, device: torch.device) -> Tensor:
        """Classes (H, W) of the semantic model's own order."""
        if len(image) != 3:
            raise UserError(f'PanopticMerge: the image has {len(image)} channels.',
                            rule='both models read color images.', fix='images of 3 channels.')
        if self._predictor is None:
            self._predictor = self._build(device)
        bgr = image.flip(0).round().clamp(0, 255).byte().permute(1, 2, 0).contiguous().cpu().numpy()
        sample = self._predictor(bgr)
        if 'pred_sem_seg' not in sample:
            raise UserError(f'PanopticMerge: {self.config} gives {sorted(sample.keys())}, but no label map.',
                            fix='the config of a semantic model')
        return torch.as_tensor(get_label_map(sample.pred_sem_seg)).to(device)

    def _build(self, device: torch.device) -> Predictor:
        """The semantic model; the default scope stays that of the first model."""
        if not Path(self.checkpoint).is_file():
            raise UserError(f'PanopticMerge: checkpoint {self.checkpoint!r} does not exist.',
                            fix=f'train {self.config} first, or --cfg-options post_process.checkpoint=FILE')
        current = DefaultScope.get_current_instance()
        try:
            predictor = Predictor(self.config, self.checkpoint, device)
        finally:
            if current is not None:
                enter_scope(current.scope_name)
        names = [str(name) for name in predictor.meta['classes']]
        unknown = [name for name in self.stuff if name not in names]
        if unknown:
            raise UserError(f'PanopticMerge: {self.config} has no class {unknown[0]!r}'
                            f'{did_you_mean(unknown[0], names)}; it has {names}.', fix='stuff names its classes.')
        order = {name: index for index, name in enumerate(self.meta['classes'])}
        self._targets = {index: order[name] for index, name in enumerate(names) if name in order}
        return predictor

    def _stuff(self) -> Mapping[int, int]:
        return {source: target for source, target in self._targets.items() if target >= len(self.things)}

    def _in_our_order(self, semantic: Tensor) -> Tensor:
        result = torch.full_like(semantic, IGNORE)
        for source, target in self._targets.items():
            result[semantic == source] = target
        return result

"""A trained model as one callable.

    predictor = Predictor('configs/panet/....py', 'work_dirs/.../best.pth')  # or the name of a shipped model alone
    sample = predictor('photo.jpg')          # DetDataSample or SegDataSample
    sample.pred_instances.scores             # in the frame of the original image

For instance segmentation, detection (mmdet) and semantic segmentation (mmseg) alike.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import Compose, pseudo_collate
from mmengine.model.utils import revert_sync_batchnorm
from mmengine.registry import MODELS
from mmengine.utils import import_modules_from_strings

from mmseg_plugins import setup
from mmseg_plugins.apis.image_inputs import build_loader, split_pipeline
from mmseg_plugins.config.embedded import embedded_config
from mmseg_plugins.config.load import load_config
from mmseg_plugins.config.scope import enter_scope_of
from mmseg_plugins.config.shipped import shipped_weights
from mmseg_plugins.data_check.pipeline_sizes import size_problem
from mmseg_plugins.engine.checkpoint.fit import (
    check_checkpoint,
    class_meta,
    load_weights,
    saved_meta,
    warn_of_other_names,
)
from mmseg_plugins.engine.checks.image_sizes import check_image_sizes
from mmseg_plugins.engine.protocols import NamesClasses
from mmseg_plugins.structures.images import as_bgr
from mmseg_plugins.utils.devices import usable_device
from mmseg_plugins.utils.errors import UserError


class Predictor:
    """Build a model from its config, load its weights safely, run it on single images.

    Args:
        config: Name or file of a config (hosts' by ``mmdet::``/``mmseg::``), name of a shipped model, a ready Config,
            or None (``-``) for the one that the checkpoint holds.
        checkpoint: A ``.pth`` or ``.safetensors`` file; it is read without running code it may hold.  None for a
            shipped model, or for a model without parameters.
        device: ``auto`` (an accelerator if there is one), ``cpu``, ``cuda:0``, ...
        cfg_options: Overrides, as ``--cfg-options``.
        allow_partial: Whether keys may be missing, unexpected or of another shape.
        max_per_image: Most instances an image may give, set in the model's ``test_cfg``
            too, so that masks that nobody wants are never pasted.

    Attributes:
        model: The network in eval mode.
        meta: ``classes``, ``palette`` and, for a panoptic set, ``thing_classes``; from the checkpoint first, the
            config next.
        semantic: Whether the config predicts label maps rather than instances.
        report: What of the checkpoint did not fit, empty when all did.
        post_process: What refines a prediction, as in a test of the config; None for nothing.

    Raises:
        UserError: config or checkpoint is missing; the checkpoint does not fit and ``allow_partial`` is False;
            the config has no model, no test pipeline, or no class names are to be found; there is no such
            device.
    """

    def __init__(
        self,
        config: str | os.PathLike[str] | Config | None,
        checkpoint: str | os.PathLike[str] | None = None,
        device: str | torch.device = 'auto',
        *,
        cfg_options: Mapping[str, Any] | None = None,
        allow_partial: bool = False,
        max_per_image: int | None = None,
    ) -> None:
        from mmseg_plugins.config.build_errors import explain_build_errors
        from mmseg_plugins.engine.checkpoint.safe_load import load_checkpoint_file
        from mmseg_plugins.engine.checks.prediction_settings import check_built_model
        from mmseg_plugins.engine.runner.outside_runs import post_process_of, use_memory_formats

        setup()
        checkpoint = shipped_weights(config, checkpoint)
        if config is None or config == '-':
            if checkpoint is None:
                raise UserError('neither a config nor a checkpoint is named.', fix='name one of both.')
            loaded = load_checkpoint_file(checkpoint)
            self.cfg = embedded_config(loaded, checkpoint)
            self.cfg.merge_from_dict(dict(cfg_options or {}))
        elif isinstance(config, Config):
            self.cfg = copy.deepcopy(config)
            self.cfg.merge_from_dict(dict(cfg_options or {}))
        else:
            self.cfg = load_config(config, cfg_options)
        if 'model' not in self.cfg:
            raise UserError(f'{config} has no model to predict with')
        if max_per_image is not None:
            limit_instances(self.cfg.model, max_per_image)
        imports = self.cfg.get('custom_imports')
        if imports:
            import_modules_from_strings(**imports)
        enter_scope_of(self.cfg)
        self.max_per_image = max_per_image
        self.device = usable_device(device)
        loaded = {} if checkpoint is None else load_checkpoint_file(checkpoint)
        self.meta = class_meta(self.cfg, loaded)
        warn_of_other_names(self.cfg, saved_meta(loaded).get('classes'))
        with explain_build_errors(self.cfg):
            self.model = revert_sync_batchnorm(MODELS.build(self.cfg.model))
        check_built_model(self.model)
        check_checkpoint(self.model, checkpoint)
        self.report: dict[str, list[str]] = {}
        if checkpoint is not None:
            self.report = load_weights(self.model, loaded, checkpoint, allow_partial)
        self.model.to(self.device).eval()
        use_memory_formats(self.model, self.cfg)
        self.post_process = post_process_of(self.cfg)
        if isinstance(self.post_process, NamesClasses):
            self.meta = {**self.meta, **self.post_process.meta}
        self.model.dataset_meta = self.meta
        loading, others = split_pipeline(self.cfg)
        self._load = build_loader(self.cfg, loading)
        self._steps = others
        self._pipeline = build_pipeline(others)

    @property
    def semantic(self) -> bool:
        return self.cfg.get('default_scope') == 'mmseg'

    def load(self, image: Any) -> dict[str, Any]:
        """One image as the config's own loading step gives it, for :meth:`predict_loaded`; ``img`` holds the pixels.

        Args:
            image: As of :meth:`__call__`, but no list.

        Raises:
            UserError: no such image, a damaged one, or one of another kind than the network takes.
        """
        return self._load(image)

    def __call__(self, image: Any) -> Any:
        """Predict one image, or each of a list.

        Args:
            image: A path, the bytes of a file, a PIL image, or an array: (H, W), (H, W, 3) in BGR or (H, W, 4) of 8 or
                16 bits is loaded as a file with these pixels would be; any other is what the loading step gives.

        Returns:
            The host's data sample on the CPU, in the frame of the original image; of a list a list of them.

        Raises:
            UserError: as of :meth:`load`.
        """
        if isinstance(image, (list, tuple)):
            return [self(one) for one in image]
        return self.predict_loaded(self.load(image))

    @torch.no_grad()
    def predict_loaded(self, loaded: Mapping[str, Any]) -> Any:
        """Predict what :meth:`load` gave; the same sample as :meth:`__call__`."""
        array = loaded['img']
        data = self._prepared(loaded)
        sample = self._predicted(data, loaded)
        if self.post_process is not None:
            colors = torch.from_numpy(np.ascontiguousarray(as_bgr(array)[..., ::-1].transpose(2, 0, 1)))  # BGR -> RGB
            self.post_process([sample], [colors], self.model)
        sample = sample.cpu()
        if self.max_per_image is not None and 'pred_instances' in sample and 'scores' in sample.pred_instances:
            order = sample.pred_instances.scores.argsort(descending=True, stable=True)
            sample.pred_instances = sample.pred_instances[order[: self.max_per_image]]
        return sample


    def _predicted(self, data: Any, loaded: Mapping[str, Any]) -> Any:
        """What the network makes of a prepared image.

        Raises:
            UserError: it does not take this size.
        """
        try:
            return self.model.test_step(pseudo_collate([data]))[0]
        except Exception:
            if isinstance(data.get('inputs'), torch.Tensor):
                size = tuple(data['inputs'].shape[-2:])
                check_image_sizes(self.model, {loaded.get('img_path') or 'the image': [size]}, 1, self.semantic)
            raise

    def _prepared(self, loaded: Mapping[str, Any]) -> Any:
        """What the pipeline makes of an image.

        Raises:
            UserError: it makes no pixel of it, as a resize that keeps the ratio does of long, thin images.
        """
        try:
            return self._pipeline(dict(loaded))
        except Exception as error:
            problem = size_problem(self._steps, loaded['img'].shape[:2])
            if not problem:
                raise
            raise UserError(f'{loaded.get("img_path") or "the image"}: {problem} in the test pipeline.',
                            rule='each side keeps a pixel in every step.',
                            fix='cut the image, pad it, or set this step otherwise.') from error


def limit_instances(config: Any, limit: int) -> None:
    """Lower ``max_per_img`` of the final stage in a model config's ``test_cfg``, in place."""
    test_cfg = config.get('test_cfg') or {}
    for part in (test_cfg.get('rcnn'), test_cfg):
        for key in ('max_per_img', 'max_per_image'):
            if isinstance(part, dict) and key in part:
                part[key] = min(part[key], limit)


def build_pipeline(steps: Sequence[Mapping[str, Any]]) -> Any:
    """Compose transforms; the default scope decides where a bare name is looked up."""
    return Compose([dict(step) for step in steps])

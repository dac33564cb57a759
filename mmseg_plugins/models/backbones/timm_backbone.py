"""Any encoder of timm under the heads of both hosts.

timm (Apache-2.0): https://github.com/huggingface/pytorch-image-models .  It is optional, and nothing of it is imported
before a model asks for it.

Shapes: B images of H x W px; map i has C_i channels and stride s_i.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from importlib import import_module
from types import ModuleType
from typing import Any

from mmengine.model import BaseModule
from mmengine.runner.checkpoint import CheckpointLoader
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmseg_plugins.models.layers import note_init
from mmseg_plugins.registry import MODELS
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.utils.suggest import did_you_mean


@MODELS.register_module()
class TimmBackbone(BaseModule):
    """A network of timm without its classifier; it gives the maps that ``features_only`` gives.

    Weights are read when a training run initializes the model, not when it is built: a checkpoint of one's own needs
    no others.  What cannot be had stops the run.

    Args:
        model: Name in timm, with or without the tag of its weights: ``'resnet18.a1_in1k'``.
        pretrained: ``True`` takes timm's weights of that name, from the local cache of its hub or by download; a path
            takes a local file in timm's layout (``.pth`` or ``.safetensors``; heads in it are not needed);
            ``False`` none.
        in_channels: Of the images; timm adapts the first layer of pre-trained weights.
        out_indices: Maps that are given, ascending; default: all of the network, commonly strides 2 to 32.
        output_stride: 8 or 16 replaces strides by dilation, where the network can; ``None``: as it is.
        norm_eval: Keep batch norms as they are in training.
        options: Further arguments of ``timm.create_model``, such as ``dict(dynamic_img_size=True)`` for transformers
            that shall take images of any size.
        init_cfg: As in ``BaseModule``, for a checkpoint with the names of this module; not together with
            ``pretrained``.

    Attributes:
        channels: C_i.
        strides: s_i.

    Shape:
        (B, ``in_channels``, H, W) -> maps (B, C_i, H / s_i, W / s_i), rounded as the network does.

    Raises:
        UserError: timm is not installed; it has no such network, or not with these settings; both sources of weights.
    """

    def __init__(self,
                 model: str,
                 pretrained: bool | str = False,
                 in_channels: int = 3,
                 out_indices: Sequence[int] | None = None,
                 output_stride: int | None = None,
                 norm_eval: bool = False,
                 options: Mapping[str, Any] | None = None,
                 init_cfg: dict | list | None = None) -> None:
        if pretrained and init_cfg is not None:
            raise UserError(f'TimmBackbone: pretrained={pretrained!r} and init_cfg={init_cfg}.',
                            rule='weights come from one place.', fix='leave one of them out.')
        super().__init__(init_cfg=init_cfg)
        self.model, self.pretrained, self.norm_eval = model, pretrained, norm_eval
        settings: dict[str, Any] = dict(in_chans=in_channels, **(options or {}))
        if out_indices is not None:
            settings['out_indices'] = tuple(out_indices)
        if output_stride is not None:
            settings['output_stride'] = output_stride
        self._settings = settings
        self.net = self._created()
        info: Any = self.net.feature_info
        self.channels, self.strides = tuple(info.channels()), tuple(info.reduction())
        # Some networks, such as Swin, keep channels last.
        self._channels_last = str(getattr(self.net, 'output_fmt', 'NCHW')).rpartition('.')[2] == 'NHWC'

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Give the maps, finest first."""
        maps = self.net(image)
        return tuple(x.permute(0, 3, 1, 2).contiguous() if self._channels_last else x for x in maps)

    def train(self, mode: bool = True) -> TimmBackbone:
        """Batch norms stay in evaluation mode with ``norm_eval``."""
        super().train(mode)
        if mode and self.norm_eval:
            for module in self.modules():
                if isinstance(module, _BatchNorm):
                    module.eval()
        return self

    def init_weights(self) -> None:
        """Read the weights.

        Raises:
            UserError: they cannot be had, or do not fit.
        """
        if not self.pretrained:
            super().init_weights()
            return
        self.net.load_state_dict(self._with_weights().state_dict(), strict=True)
        source = 'of timm' if self.pretrained is True else f'from {self.pretrained}'
        note_init(self.net, f'weights {source} for {self.model}')
        self._is_init = True

    def _with_weights(self) -> nn.Module:
        """The same network as timm fills it: it renames, resizes and leaves heads out."""
        if self.pretrained is True:
            return self._created(pretrained=True)
        path = os.path.expanduser(str(self.pretrained))
        if not os.path.isfile(path):
            raise UserError(f'TimmBackbone: pretrained={path!r} does not exist.', fix='correct the path.')
        content = CheckpointLoader.load_checkpoint(path, 'cpu', logger='silent')  # safely, after setup()
        weights = next((content[key] for key in ('state_dict', 'model') if key in content), content)
        return self._created(pretrained=True, pretrained_cfg_overlay=dict(state_dict=dict(weights)))

    def _created(self, **weights: Any) -> nn.Module:
        timm = _timm(self.model)
        if not timm.is_model(self.model):
            raise UserError(f'TimmBackbone: timm {timm.__version__} has no network {self.model!r}'
                            f'{did_you_mean(self.model, timm.list_models())}.', fix='correct model.')
        try:
            return timm.create_model(
                self.model, features_only=True, **self._settings, **{'pretrained': False, **weights})
        except Exception as error:  # timm, its hub and its connections raise errors of many libraries
            raise UserError(self._text(error, weights), rule=self._rule(weights), fix=self._fix(weights)) from error

    def _text(self, error: Exception, weights: Mapping[str, Any]) -> str:
        reason = ' '.join(f'{type(error).__name__}: {error}'.split()[:30])  # hubs and torch write paragraphs
        if not weights:
            return f'TimmBackbone: {self.model} cannot be built with {self._settings}: {reason}'
        return f'TimmBackbone: the weights of {self.model} cannot be had: {reason}'

    def _rule(self, weights: Mapping[str, Any]) -> str:
        if not weights:
            return 'the network must know these settings.'
        if self.pretrained is True:
            return "they are in the local cache of timm's hub, or can be downloaded."
        return f'the file must hold the tensors of {self.model} under the names of timm.'

    def _fix(self, weights: Mapping[str, Any]) -> str:
        if not weights:
            return 'correct out_indices, output_stride or options.'
        return 'give a local file as pretrained=FILE, or start from random weights with pretrained=False.'


def _timm(model: str) -> ModuleType:
    try:
        return import_module('timm')
    except ImportError as error:
        raise UserError(f'TimmBackbone: {model} is a network of timm, which cannot be imported ({error}).',
                        fix='pip install timm') from error

"""RoI operators by config: those of this package next to mmcv's, and how an extractor calls them.

mmdet's extractors look a ``roi_layer.type`` up in ``mmcv.ops`` alone.  Here ``'mmseg_plugins.PrRoIPool'``, or any other
name with a scope, is looked up in the registry, and a bare name in ``mmcv.ops`` as before.

Shapes: B images, C channels, N RoIs, h x w bins.  RoIs are (batch index, x1, y1, x2, y2) in input-image pixels.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmcv import ops as mmcv_ops
from mmdet.models.roi_heads.roi_extractors.base_roi_extractor import BaseRoIExtractor
from torch import Tensor, nn

from mmseg_plugins.ops import CropAndResize, PrRoIPool, PSRoIPool, RoIAlign, RoIPool, RoIWarp
from mmseg_plugins.registry import MODELS
from mmseg_plugins.utils.suggest import last_part, near_names

LOW_PRECISION = (torch.float16, torch.bfloat16)
OWN = (CropAndResize, PSRoIPool, PrRoIPool, RoIAlign, RoIPool, RoIWarp)
for operator in OWN:
    MODELS.register_module(module=operator)


class RoILayersExtractor(BaseRoIExtractor):
    """What extractors share that take this package's RoI operators and mmcv's.

    Args:
        roi_layer: Config of an RoI operator: ``type`` and its arguments but ``spatial_scale``, which comes from the
            strides.  ``type`` is ``'mmseg_plugins.X'`` (``CropAndResize``, ``PSRoIPool``, ``PrRoIPool``, ``RoIAlign``,
            ``RoIPool``, ``RoIWarp``, or another name with its scope), a bare name of ``mmcv.ops``, or a class.
        out_channels: Channels that come out of the operator; :class:`PSRoIPool` reads ``group_size`` squared times as
            many from the maps, every other operator the same number.
        featmap_strides: Stride of each map, finest first.
    """

    def build_roi_layers(self, layer_cfg: dict, featmap_strides: list[int]) -> nn.ModuleList:
        """One operator a stride."""
        options = dict(layer_cfg)
        layer = find_roi_layer(options.pop('type'))
        return nn.ModuleList(layer(spatial_scale=1 / stride, **options) for stride in featmap_strides)

    def check_maps(self, feats: Sequence[Tensor]) -> None:
        """Refuse maps that are not as many, or of as many channels, as the operators read."""
        got = [feat.size(1) for feat in feats]
        wanted = [self.out_channels * getattr(layer, 'group_size', 1)**2 for layer in self.roi_layers]
        if got != wanted:
            raise ValueError(
                f'{type(self).__name__}: featmap_strides={self.featmap_strides} and out_channels={self.out_channels} '
                f'with {type(self.roi_layers[0]).__name__} ask for maps of {wanted} channels, but the neck gives {got}')

    def pool(self, level: int, feat: Tensor, rois: Tensor) -> Tensor:
        """Pool ``rois`` (N, 5) from the map of ``level`` -> (N, C, h, w), contiguous.

        In float32 where the maps are half or bfloat16: an image coordinate above 2048 (256 in bfloat16) has no exact
        half, and mmcv's RoIAlign takes no bfloat16.  Zero RoIs stay connected to the map and to the operator's
        parameters, so that every parameter gets a (zero) gradient.
        """
        layer = self.roi_layers[level]
        if rois.size(0) == 0:
            nothing = torch.cat([feat.flatten()[:0], *(parameter.flatten()[:0] for parameter in layer.parameters())])
            return nothing.to(feat.dtype).reshape(0, self.out_channels, *layer.output_size)  # mmcv keeps a pair too
        if feat.dtype in LOW_PRECISION:
            with torch.autocast(feat.device.type, enabled=False):
                return layer(feat.float(), rois.float()).to(feat.dtype).contiguous()
        return layer(feat, rois.type_as(feat)).contiguous()


def find_roi_layer(kind: str | type[nn.Module]) -> type[nn.Module]:
    """The operator of a ``roi_layer.type``; see :class:`RoILayersExtractor`.

    Raises:
        ValueError: For a name that is in neither place; near matches are named.
    """
    if not isinstance(kind, str):
        return kind
    found = MODELS.get(kind) if '.' in kind else getattr(mmcv_ops, kind, None)
    if isinstance(found, type) and issubclass(found, nn.Module):
        return found
    own = [f'mmseg_plugins.{operator.__name__}' for operator in OWN]
    known = [*own, *(name for name in dir(mmcv_ops) if 'RoI' in name and isinstance(getattr(mmcv_ops, name), type))]
    near = near_names(kind, known, least=0.5, part=last_part)
    where = 'the registry' if '.' in kind else 'mmcv.ops'
    raise ValueError(f"roi_layer.type={kind!r} is no module of {where}; "
                     f"near: {', '.join(near) or 'none'}. This package's operators carry its prefix: {', '.join(own)}")

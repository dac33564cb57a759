"""The grid of parts that a config may mix, cut down to 64-pixel images: backbones x necks x systems.

:func:`combine` puts data preprocessor, backbone and neck before a system of ``mixing_systems.py``.
``tests/test_mixing.py`` walks the grid.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from mixing_systems import GN, SYSTEMS, WIDTH, Maps
from mmengine.config import ConfigDict

# ------------------------------------------------------------------------------------------------------ backbones
# Four maps at strides 4, 8, 16, 32 each: name -> (channels, config).  Left out: TapBackbone, which adds maps of other
# strides to those of a backbone above, and VGG, whose last stages have stride 8 for InstanceFCN's windows.
# ResNets usually start with residual branches that add nothing, which would hide what a loss does not reach.
RESNET = dict(depth=18, base_channels=8, norm_eval=False, zero_init_residual=False, init_cfg=None)
BACKBONES: dict[str, tuple[list[int], dict[str, Any]]] = {
    'mmdet.ResNet': ([8, 16, 32, 64], dict(type='mmdet.ResNet', **RESNET)),
    'mmdet.SwinTransformer': ([8, 16, 32, 64], dict(
        type='mmdet.SwinTransformer', embed_dims=8, depths=(1, 1, 1, 1), num_heads=(1, 1, 2, 2), window_size=4,
        drop_path_rate=0.0)),
    'mmdet.PyramidVisionTransformerV2': ([8, 16, 24, 32], dict(
        type='mmdet.PyramidVisionTransformerV2', embed_dims=8, num_layers=[1, 1, 1, 1], num_heads=[1, 2, 3, 4],
        drop_path_rate=0.0, init_cfg=None)),
    'mmseg_plugins.CeilPoolResNet': ([8, 16, 32, 64], dict(type='mmseg_plugins.CeilPoolResNet', **RESNET)),
    'mmseg_plugins.ConvNeXt': ([8, 16, 24, 32], dict(
        type='mmseg_plugins.ConvNeXt', arch=((1, 1, 1, 1), (8, 16, 24, 32)))),
    'mmseg.MixVisionTransformer': ([8, 16, 24, 32], dict(
        type='mmseg.MixVisionTransformer', embed_dims=8, num_layers=[1, 1, 1, 1], num_heads=[1, 2, 3, 4],
        drop_path_rate=0.0)),
    'mmseg_plugins.EfficientNetLite': ([8, 16, 32, 80], dict(
        type='mmseg_plugins.EfficientNetLite', arch=dict(width=0.25, depth=0.3, resolution=224),
        out_indices=(1, 2, 3, 4))),
}  # fmt: skip
STRIDES = [4, 8, 16, 32, 64]
# Plain transformers give one map, at stride 16; SimpleFeaturePyramid makes all levels from it.
SIZES = dict(arch=dict(embed_dims=16, depth=2, num_heads=2, hidden=16), pretrain_size=64, window_size=3,
             global_blocks=[1])  # windows of 3 tokens do not divide the 4 of an image  # fmt: skip
PLAIN: dict[str, tuple[list[int], dict[str, Any]]] = {
    'mmseg_plugins.EVA02': ([16], dict(type='mmseg_plugins.EVA02', **SIZES)),
    'mmseg_plugins.EVA': ([16], dict(type='mmseg_plugins.EVA', relative_size=64, **SIZES)),
}


# ---------------------------------------------------------------------------------------------------------- necks
def _neck(kind: str, **options: Any) -> Callable[[list[int], int], dict[str, Any] | None]:
    return lambda channels, levels: dict(
        type=kind, in_channels=list(channels), out_channels=WIDTH, num_outs=levels, **options)


NECKS: dict[str, Callable[[list[int], int], dict[str, Any] | None]] = {
    'none': lambda channels, levels: None,
    'mmdet.FPN': _neck('mmdet.FPN'),
    'mmdet.PAFPN': _neck('mmdet.PAFPN'),
    'mmdet.ChannelMapper': _neck('mmdet.ChannelMapper', norm_cfg=GN),
    'mmseg_plugins.PANetFPN': _neck('mmseg_plugins.PANetFPN', norm_cfg=GN),
}
PYRAMID = 'mmseg_plugins.SimpleFeaturePyramid'


# ---------------------------------------------------------------------------------------------------- combinations
class Mix(NamedTuple):
    """One cell of the grid."""

    backbone: str
    neck: str
    system: str

    def __str__(self) -> str:
        return ' + '.join(self)


GRID = [Mix(backbone, neck, system) for backbone in BACKBONES for neck in NECKS for system in SYSTEMS]


def legal(mix: Mix) -> bool:
    """Without a neck a system must be able to read maps that have channels of their own."""
    return mix.neck != 'none' or bool(SYSTEMS[mix.system].bare)


# Every system reads a plain transformer's pyramid; EVA, which differs inside its blocks, goes with one of each family.
FAMILIES = ('Mask R-CNN', 'PANet', 'SOLOv2', 'Mask2Former')
PYRAMIDS = [Mix('mmseg_plugins.EVA02', PYRAMID, system) for system in SYSTEMS] + [
    Mix('mmseg_plugins.EVA', PYRAMID, system) for system in FAMILIES]  # fmt: skip
LEGAL = [mix for mix in GRID if legal(mix)] + PYRAMIDS

# The boxes (x1, y1, x2, y2) of the objects of two images of 64 x 64 pixels.
OBJECTS: list[list[float]] = [[4, 4, 30, 40], [20, 20, 60, 60]]
BATCHES: dict[str, list[list[list[float]]]] = {
    'objects': [OBJECTS, [[0, 0, 64, 64], [10, 10, 22, 22]]],
    'half-empty': [OBJECTS, []],
    'no objects': [[], []],
}


def combine(mix: Mix) -> ConfigDict:
    """The model config of one cell; the heads of an illegal one are made for what a neck would give."""
    channels, backbone = {**BACKBONES, **PLAIN}[mix.backbone]
    system = SYSTEMS[mix.system]
    neck = {**NECKS, PYRAMID: _neck(PYRAMID)}[mix.neck](channels, system.levels)
    if neck is None and system.bare:
        own = backbone.get('out_indices', range(4))  # EfficientNetLite counts from the map at stride 2
        backbone = {**backbone, 'out_indices': tuple(own[i] for i in system.bare)}
        make = system.make_bare or system.make
        model = make(Maps([channels[i] for i in system.bare], [STRIDES[i] for i in system.bare]))
    else:
        model = system.make(Maps([WIDTH] * system.levels, STRIDES[:system.levels]))
    model['data_preprocessor'] = dict(
        type='mmdet.DetDataPreprocessor', mean=[127.0] * 3, std=[60.0] * 3, pad_size_divisor=32, pad_mask=True)
    model['backbone'] = dict(backbone)
    if neck is not None:
        model['neck'] = neck
    return ConfigDict(model)

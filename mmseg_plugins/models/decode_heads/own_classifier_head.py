"""What this package's decode heads share: mmseg's contract without mmseg's classifier.

mmseg's ``BaseDecodeHead`` always makes ``conv_seg``, a 1 x 1 classifier with dropout.  Networks that bring their own
classifier would leave it without a gradient (which distributed training refuses) and with keys that no original has.

Shapes: B images, C classes, H x W pixels of the label, h x w cells of the scores.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.models.losses import accuracy
from torch import Tensor, nn

from mmseg_plugins.models.layers.label_grid import subsample_labels


class OwnClassifierHead(BaseDecodeHead):
    """A decode head whose ``forward`` ends with a classifier of its own.

    A subclass with :attr:`several_maps` reads the maps of ``in_index`` (by default as many as ``in_channels``, from the
    first) one by one.

    ``conv_seg`` and the dropout of the base are removed; everything else is mmseg's: ``in_channels``, ``in_index``,
    ``input_transform``, ``loss_decode`` (one or several), ``sampler``, ``ignore_index``, ``align_corners``.

    Args:
        in_channels: Channels of the map or maps that are read.
        num_classes: C.
        label_stride: None computes the loss at the size of the label, with the scores resized to it, as mmseg does.
            An integer s computes it on the scores' own grid with every s-th label, ``label[::s, ::s]`` cut to h x w,
            as DeepLab v1 and v2, DilatedNet and ENet's encoder do.  The two losses and their gradients differ.
        kwargs: Of ``BaseDecodeHead``; ``channels`` and ``dropout_ratio`` have no use here.

    Shape:
        ``forward``: the backbone's maps -> scores (B, C, h, w); mmseg resizes them to the image.

    Raises:
        ValueError: another ``input_transform`` than ``'multiple_select'`` with :attr:`several_maps`; in ``loss``, for
            scores that reach further than the subsampled label.
    """

    several_maps: ClassVar[bool] = False

    def __init__(self,
                 in_channels: int | Sequence[int],
                 *,
                 num_classes: int,
                 label_stride: int | None = None,
                 init_cfg: dict | list | None = None,
                 **kwargs: Any) -> None:
        kwargs.pop('channels', None)
        if self.several_maps:
            in_channels = list(in_channels)  # type: ignore[arg-type]
            index = kwargs.get('in_index')
            kwargs['in_index'] = list(range(len(in_channels)) if index is None else index)
            transform = kwargs.setdefault('input_transform', 'multiple_select')
            if transform != 'multiple_select':
                raise ValueError(f"{type(self).__name__}: input_transform={transform!r} must be 'multiple_select': its "
                                 'maps are read one by one, neither resized nor joined')
        super().__init__(in_channels, 1, num_classes=num_classes, dropout_ratio=0, init_cfg=init_cfg, **kwargs)
        del self.conv_seg
        self.label_stride = label_stride

    def loss_by_feat(self, seg_logits: Tensor, batch_data_samples: list) -> dict[str, Tensor]:
        """Losses of scores (B, C, h, w), at the size of the label or on the scores' own grid (``label_stride``)."""
        if self.label_stride is None:
            return super().loss_by_feat(seg_logits, batch_data_samples)
        label = self._stack_batch_gt(batch_data_samples).squeeze(1)
        label = subsample_labels(label, self.label_stride, (seg_logits.shape[-2], seg_logits.shape[-1]))
        return self.loss_on_grid(seg_logits, label)

    def loss_on_grid(self, seg_logits: Tensor, label: Tensor, weight: Tensor | None = None) -> dict[str, Tensor]:
        """Losses of scores (B, C, h, w) against labels (B, h, w) of the same grid, weighted by (B, h, w)."""
        if weight is None and self.sampler is not None:
            weight = self.sampler.sample(seg_logits, label.unsqueeze(1))
        decoders: Any = self.loss_decode if isinstance(self.loss_decode, nn.ModuleList) else [self.loss_decode]
        losses: dict[str, Tensor] = {}
        for decode in decoders:
            value = decode(seg_logits, label, weight=weight, ignore_index=self.ignore_index)
            losses[decode.loss_name] = losses.get(decode.loss_name, 0) + value
        losses['acc_seg'] = accuracy(seg_logits, label, ignore_index=self.ignore_index)
        return losses

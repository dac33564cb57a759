"""DilatedNet's head: fc6, fc7 and scores of the front-end, context module, and the zoom to pixels.

Paper: "Multi-Scale Context Aggregation by Dilated Convolutions", https://arxiv.org/abs/1511.07122.
Source: https://github.com/fyu/dilation/tree/0f105742e8c2202af12feb54374781ba55c3e112 (network.py, predict.py, util.py).

Shapes: B images, C classes, H x W pixels, h x w scores at stride 8; F channels of conv5, D of fc6 and fc7.
"""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F
from mmcv.cnn import build_norm_layer
from mmengine.model import kaiming_init, normal_init
from torch import Tensor, nn

from mmseg_plugins.models.layers.bilinear_deconv import BilinearDeconv2d
from mmseg_plugins.models.layers.dilated_context import DilatedContext
from mmseg_plugins.models.layers.fc_as_conv import fc_as_conv
from mmseg_plugins.models.layers.label_grid import subsample_labels
from mmseg_plugins.models.layers.score_maps import log_scores, score_probabilities
from mmseg_plugins.registry import MODELS

from .own_classifier_head import OwnClassifierHead
from .unet_head import image_size

STRIDE = 8
MARGIN = 186  # pixels that the unpadded front-end loses on each side


@MODELS.register_module()
class DilationHead(OwnClassifierHead):
    """Front-end scores from conv5_3 at stride 8, refined by a context module.

    .. code-block:: none

        conv5_3 (F) -fc6 7x7 d4-> (D) -fc7 1x1-> (D) -score 1x1-> (C) -context-> (C) -x 8-> pixels

    Score (i, j) belongs to pixel (8 i, 8 j); the loss compares it with that pixel's label.  For pixels in between the
    original interpolates probabilities linearly between the scores above, below, left and right; after the last score
    it repeats it.  With ``zoom='deconv'`` scores pass a fixed bilinear deconvolution instead (kernel 16, stride 8,
    padding 4), in training as well, where the loss is taken at every pixel.

    Training images without a margin (``MirrorMargin(when='test')``) have scores only 186 px from their borders; their
    labels are read from there on.

    Args:
        in_channels: F, of the map.
        num_classes: C.
        fc_channels: D; 4096 in the original.
        padding: ``'valid'``, after the unpadded front-end in a mirrored margin; ``'same'`` keeps the size, for a
            padded backbone.
        context: None (front-end alone), or a variant of ``DilatedContext``.
        noise: Of the context module's first weights.
        zoom: ``'corner'``, as described, or ``'deconv'`` (Cityscapes, and the original's ``--up``).
        frozen_scores: fc6, fc7 and the scores are not trained and do not drop out: the second stage of training.
        dropout: After fc6 and fc7.
        norm_cfg: Norm of fc6 and fc7; none in the original.
        kwargs: Of ``OwnClassifierHead``; ``label_stride`` and ``align_corners`` have no use here.

    Shape:
        ``forward``: the maps -> scores (B, C, h, w) at stride 8.

    Raises:
        ValueError: for another ``zoom`` or ``padding``; where scores and labels do not belong together.
    """

    def __init__(self,
                 in_channels: int,
                 *,
                 num_classes: int,
                 fc_channels: int = 4096,
                 padding: str = 'valid',
                 context: str | None = None,
                 noise: float = 0.01,
                 zoom: str = 'corner',
                 frozen_scores: bool = False,
                 dropout: float = 0.5,
                 norm_cfg: dict | None = None,
                 **kwargs: Any) -> None:
        for name, value, known in (('zoom', zoom, ('corner', 'deconv')), ('padding', padding, ('valid', 'same'))):
            if value not in known:
                raise ValueError(f'DilationHead: {name}={value!r}, it must be one of {known}')
        if frozen_scores and context is None:
            raise ValueError('DilationHead: frozen_scores without a context module leaves nothing to train; name one')
        super().__init__(in_channels, num_classes=num_classes, **kwargs)
        pad = 12 if padding == 'same' else 0
        self.fc6 = nn.Conv2d(in_channels, fc_channels, 7, padding=pad, dilation=4)
        self.fc7 = nn.Conv2d(fc_channels, fc_channels, 1)
        self.norm6, self.norm7 = (
            build_norm_layer(norm_cfg, fc_channels)[1] if norm_cfg else nn.Identity() for _ in range(2))
        self.relu = nn.ReLU(inplace=True)
        self.drop = nn.Dropout(dropout)
        self.score = nn.Conv2d(fc_channels, self.out_channels, 1)
        self.context = None if context is None else DilatedContext(self.out_channels, context, noise)
        self.upsample = None
        if zoom == 'deconv':
            scores = self.out_channels
            self.upsample = BilinearDeconv2d(scores, STRIDE, kernel_size=16, padding=4, groups=scores)
        self.frozen_scores = frozen_scores
        self.reset_parameters()
        for layer in self._scoring if frozen_scores else ():
            layer.requires_grad_(False)

    @property
    def _scoring(self) -> list[nn.Module]:
        return [self.fc6, self.norm6, self.fc7, self.norm7, self.score]

    def reset_parameters(self) -> None:
        """fc6 and fc7 normal, variance 2 / fan_in; scores N(0, .001^2), as in the original.

        The context module begins as the identity with noise.  An ``init_cfg`` of type Pretrained may name an ImageNet
        VGG-16, whose fully connected layers become fc6 and fc7.
        """
        for layer in (self.fc6, self.fc7):
            kaiming_init(layer, mode='fan_in', nonlinearity='relu', bias=0)
        normal_init(self.score, std=0.001, bias=0)

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *args: Any) -> None:
        """Read torchvision's fully connected layers as convolutions."""
        for old, new, kernel in (('classifier.0', 'fc6', 7), ('classifier.3', 'fc7', 1)):
            for param in ('weight', 'bias'):
                if f'{prefix}{old}.{param}' in state_dict:
                    state_dict[f'{prefix}{new}.{param}'] = fc_as_conv(state_dict.pop(f'{prefix}{old}.{param}'), kernel)
        super()._load_from_state_dict(state_dict, prefix, *args)

    def train(self, mode: bool = True) -> DilationHead:
        """As usual, but frozen layers stay as in evaluation."""
        super().train(mode)
        if self.frozen_scores:
            for layer in (*self._scoring, self.drop):
                layer.eval()
        return self

    def forward(self, inputs: Any) -> Tensor:
        """Scores (B, C, h, w) at stride 8."""
        x = self.drop(self.relu(self.norm6(self.fc6(self._transform_inputs(inputs)))))
        x = self.score(self.drop(self.relu(self.norm7(self.fc7(x)))))
        return x if self.context is None else self.context(x)

    def loss_by_feat(self, seg_logits: Tensor, batch_data_samples: list) -> dict[str, Tensor]:
        """Losses at every eighth pixel, or at all of them with ``zoom='deconv'``."""
        label = self._stack_batch_gt(batch_data_samples).squeeze(1)
        label = self._labels_of(label, (seg_logits.shape[-2], seg_logits.shape[-1]))
        if self.upsample is None:
            label = subsample_labels(label, STRIDE, (seg_logits.shape[-2], seg_logits.shape[-1]))
        else:
            seg_logits = self.upsample(seg_logits)[..., :label.shape[1], :label.shape[2]]
            label = label[:, :seg_logits.shape[-2], :seg_logits.shape[-1]]
        return self.loss_on_grid(seg_logits, label)

    def predict_by_feat(self, seg_logits: Tensor, batch_img_metas: list[dict]) -> Tensor:
        """Scores (B, C, H, W); with ``zoom='corner'`` the logarithm of interpolated probabilities, of one channel its
        logit."""
        height, width = image_size(batch_img_metas[0])
        wanted = (-(-height // STRIDE), -(-width // STRIDE))
        if (seg_logits.shape[-2], seg_logits.shape[-1]) != wanted:
            raise ValueError(
                f'DilationHead: {seg_logits.shape[-2]} x {seg_logits.shape[-1]} scores, but an image of {height} x '
                f'{width} px has {wanted[0]} x {wanted[1]} at stride {STRIDE}: put mmseg_plugins.MirrorMargin('
                f'margin={MARGIN}, divisor={STRIDE}) around an unpadded front-end, or a backbone of stride {STRIDE} '
                'that rounds up (ceil_mode=True) before padding="same"')
        if self.upsample is not None:
            return self.upsample(seg_logits)[..., :height, :width]
        return log_scores(zoom_corner(score_probabilities(seg_logits), STRIDE, height, width))

    def _labels_of(self, label: Tensor, scores: tuple[int, int]) -> Tensor:
        """Labels from the pixel of the first score on; (B, H, W) -> (B, H', W')."""
        for dim, cells in zip((1, 2), scores, strict=True):
            size = label.shape[dim]
            inner = size - 2 * MARGIN
            if cells == -(-size // STRIDE):
                continue
            unpadded = max(-(-inner // STRIDE), 0)
            if cells != unpadded or cells == 0:
                raise ValueError(
                    f'DilationHead: {cells} scores for {size} px of labels; there must be {-(-size // STRIDE)} '
                    f'(padded, or in a mirrored margin), or {unpadded} (unpadded, {MARGIN} px lost on each side).'
                    ' Train on larger crops, or with MirrorMargin(when="always")')
            label = label.narrow(dim, MARGIN, inner)
        return label


def zoom_corner(x: Tensor, zoom: int, height: int, width: int) -> Tensor:
    """Enlarge bilinearly so that cell (i, j) stands at pixel (zoom i, zoom j), and repeat the last cells.

    The original (util.interp_map) reads past the array after the last cell.

    Args:
        x: (B, C, h, w) with zoom h >= height and zoom w >= width.

    Returns:
        (B, C, height, width).
    """
    rows, columns = x.shape[-2:]
    x = F.pad(x, (0, 1, 0, 1), mode='replicate')  # -> (B, C, h + 1, w + 1)
    x = F.interpolate(x, size=(zoom * rows + 1, zoom * columns + 1), mode='bilinear', align_corners=True)
    return x[..., :height, :width]

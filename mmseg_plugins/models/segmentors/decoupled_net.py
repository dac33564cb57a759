"""DecoupledNet: a frozen classifier says which classes there are, a small decoder where each of them is.

Paper: "Decoupled Deep Neural Network for Semi-supervised Semantic Segmentation", https://arxiv.org/abs/1506.04924.
Original, read for its facts:
https://github.com/HyeonwooNoh/DecoupledNet/blob/ebd21306acb9b7248d3b735519abfa331d27ff7a/inference/DecoupledNet_inference.m

Shapes: B images of H x W, K classes without the background, P passes of one image.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmcv.cnn import build_norm_layer
from mmseg.models.segmentors import EncoderDecoder
from mmseg.utils import add_prefix
from torch import Tensor

from mmseg_plugins.models.decode_heads.multi_label_head import Reading
from mmseg_plugins.models.layers.score_maps import log_scores
from mmseg_plugins.models.task_modules.image_labels import image_labels
from mmseg_plugins.registry import MODELS
from mmseg_plugins.utils.errors import UserError


@MODELS.register_module()
class DecoupledNet(EncoderDecoder):
    """Backbone and classifier of the first stage, frozen, and a decode head that is trained on few masks.

    .. code-block:: none

        image -> backbone -+-> classifier -> class scores p (K)
                           |        |
                           |        v  labels (K)
                           |     bridge (gradient of the classes at the coarsest map)
                           v        v
                        (maps, bridge, image) -> decode_head -> background, foreground (2)

    In training the labels are the classes that ``ClassSubset`` has chosen, weighted by the sigmoid of their greatest
    scores.  A prediction runs the decode head once with all classes above the threshold, whose background it takes,
    and once with each of them alone, whose foreground it takes; the maps are divided by their sum.  The backbone and
    the classifier run once.

    Args:
        backbone, classifier: As ``MultiLabelClassifier`` has trained them (``load_from``).
        decode_head: Two scores from the backbone's maps, the bridge and the image, in this order:
            ``DecoupledNetHead``, or any head of mmseg.
        neck: Between backbone and the rest.
        bridge_norm_cfg: Of a norm after the bridge, for decode heads that have none of their own as
            ``DecoupledNetHead`` has: a gradient is small against the maps.  Its variance may lie below the default
            ``eps`` of batch norm, 1e-5; ``eps=1e-9`` is the original's.  Where the maps are far from standard
            deviation 1, ``init_cfg`` can start the norm's scale there.
        test_cfg: besides mmseg's ``mode``

            * ``threshold`` (.5): mean probability above which a class gets a pass;
            * ``side``: None predicts at the size of the image.  320 is the original: the image is padded with black
              at the bottom and the right to a square, resized to this side; the probabilities are resized back
              (bicubic) and cut;
            * ``passes`` (4): how many run at a time.

    Raises:
        UserError: training samples without ``class_labels``.
    """

    def __init__(self,
                 backbone: dict,
                 classifier: dict,
                 decode_head: dict,
                 *,
                 neck: dict | None = None,
                 bridge_norm_cfg: dict | None = None,
                 train_cfg: dict | None = None,
                 test_cfg: dict | None = None,
                 data_preprocessor: dict | None = None,
                 init_cfg: dict | list | None = None) -> None:
        super().__init__(backbone, decode_head, neck=neck, train_cfg=train_cfg, test_cfg=test_cfg,
                         data_preprocessor=data_preprocessor, init_cfg=init_cfg)
        self.classifier = MODELS.build(classifier)
        self.num_classes = self.out_channels = self.classifier.num_classes
        self.bridge_norm = torch.nn.Identity()
        if bridge_norm_cfg is not None:
            self.bridge_norm = build_norm_layer(bridge_norm_cfg, self.classifier.in_channels)[1]
        for part in self._frozen():
            part.requires_grad_(False)

    def _frozen(self) -> list[torch.nn.Module]:
        return [self.backbone, self.classifier, *([self.neck] if self.with_neck else [])]

    def train(self, mode: bool = True) -> DecoupledNet:
        """As usual, but what the first stage has trained stays in evaluation."""
        super().train(mode)
        for part in self._frozen():
            part.eval()
        return self

    @torch.no_grad()
    def extract_feat(self, inputs: Tensor) -> tuple[Tensor, ...]:
        """The maps of backbone and neck, without gradients."""
        return tuple(super().extract_feat(inputs))

    def loss(self, inputs: Tensor, data_samples: list) -> dict[str, Tensor]:
        """Losses of the two-class label maps, prefixed ``decode``."""
        if any('class_labels' not in sample for sample in data_samples):
            raise UserError(
                'DecoupledNet trains on label maps of foreground and background, and on the classes that they show.',
                fix='end the training pipeline with dict(type=\'mmseg_plugins.ClassSubset\'), '
                'dict(type=\'mmseg_plugins.PackClassLabels\')')
        maps = self.extract_feat(inputs)
        with torch.no_grad():
            reading = self.classifier.read(maps)
            labels = image_labels(data_samples)[:, 1:self.num_classes]
            bridge = self.classifier.bridge(reading, labels * reading.peak_probabilities)
        losses = self.decode_head.loss((*maps, self.bridge_norm(bridge), inputs), data_samples, self.train_cfg)
        return add_prefix(losses, 'decode')

    def encode_decode(self, inputs: Tensor, batch_img_metas: list[dict]) -> Tensor:
        """Logarithms of the merged probabilities (B, K + 1, H, W)."""
        settings: Any = self.test_cfg or {}
        side = settings.get('side')
        if side is None:
            return log_scores(self.probabilities(inputs))
        height, width = inputs.shape[-2:]
        longer = max(height, width)
        canvas = self._black(inputs).expand(len(inputs), -1, longer, longer).clone()
        canvas[..., :height, :width] = inputs
        resized = F.interpolate(canvas, size=(side, side), mode='bilinear', align_corners=False, antialias=True)
        merged = F.interpolate(self.probabilities(resized), size=(longer, longer), mode='bicubic', align_corners=False,
                               antialias=True)
        return log_scores(merged[..., :height, :width])

    def _forward(self, inputs: Tensor, data_samples: list | None = None) -> Tensor:
        return self.encode_decode(inputs, [])

    def _black(self, inputs: Tensor) -> Tensor:
        """A pixel of 0 as the data preprocessor hands it on, (1, 3, 1, 1)."""
        preprocessor: Any = self.data_preprocessor
        if not getattr(preprocessor, '_enable_normalize', False):
            return inputs.new_zeros(1, inputs.shape[1], 1, 1)
        return (-preprocessor.mean / preprocessor.std).view(1, -1, 1, 1).to(inputs)

    def probabilities(self, inputs: Tensor) -> Tensor:
        """Merged probabilities (B, K + 1, H, W) of images (B, 3, H, W); they sum to 1 in every pixel."""
        settings: Any = self.test_cfg or {}
        maps = self.extract_feat(inputs)
        reading = self.classifier.read(maps)
        scores = reading.probabilities
        scores = scores * (scores > settings.get('threshold', 0.5))
        given = (*maps, inputs)
        return torch.stack([
            self._merge(row, [one[index:index + 1] for one in given], reading.of(index), settings.get('passes', 4))
            for index, row in enumerate(scores)])

    def _merge(self, scores: Tensor, given: Sequence[Tensor], reading: Reading, at_once: int) -> Tensor:
        """One image: (K + 1, H, W) of the scores (K,) of its classes, 0 where a class is not there."""
        *maps, image = given
        present = scores.nonzero().squeeze(1)
        alone = torch.zeros(len(present), len(scores), device=scores.device, dtype=scores.dtype)
        alone = alone.scatter(1, present.unsqueeze(1), scores[present].unsqueeze(1))
        passes = []
        for labels in torch.cat([scores.unsqueeze(0), alone]).split(at_once):
            bridge = self.bridge_norm(self.classifier.bridge(reading, labels))
            shared = [one.expand(len(labels), -1, -1, -1) for one in (*maps, image)]
            passes.append(self._two_classes([*shared[:-1], bridge, shared[-1]]))
        chance = torch.cat(passes)  # (1 + P, 2, H, W)
        chosen = torch.cat([chance[:1, 0], chance[1:, 1]])  # the background of all, the foreground of each
        chosen = chosen + (chosen.sum(0, keepdim=True) <= 0)
        merged = chosen.new_zeros(self.num_classes, *chosen.shape[1:])
        return merged.index_copy(0, torch.cat([present.new_zeros(1), present + 1]), chosen / chosen.sum(0))

    def _two_classes(self, given: Sequence[Tensor]) -> Tensor:
        """Probabilities of background and foreground, at the size of the image that is the last of ``given``."""
        scores = self.decode_head.forward(given)
        size = given[-1].shape[-2:]
        if scores.shape[-2:] != size:
            scores = F.interpolate(scores, size=size, mode='bilinear', align_corners=self.align_corners)
        return scores.float().softmax(1)

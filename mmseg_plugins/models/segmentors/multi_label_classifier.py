"""DecoupledNet's first stage: which classes an image holds, learned from labels of whole images.

Paper: https://arxiv.org/abs/1506.04924, section 3.1.

Shapes: B images of H x W, K classes without the background.
"""

from __future__ import annotations

from typing import Any

import torch
from mmseg.models.segmentors.base import BaseSegmentor
from torch import Tensor

from mmseg_plugins.models.layers.score_maps import log_scores
from mmseg_plugins.models.task_modules.image_labels import image_labels
from mmseg_plugins.registry import MODELS


@MODELS.register_module()
class MultiLabelClassifier(BaseSegmentor):
    """A backbone and a ``MultiLabelHead``, trained on the classes of each image.

    Label maps say which classes those are; no pixel of them is used otherwise.  Samples with ``class_labels``
    (``PackClassLabels``) need none.  A prediction has, besides mmseg's fields:

    * ``class_scores`` (K,): probability that the image holds each class, for ``MultiLabelMetric``.

    Its label map is what the classifier's cells alone tell, a baseline without any mask.

    Args:
        backbone, classifier: Configs; the weights have the names that ``DecoupledNet`` reads.
        test_cfg: ``threshold`` (.5): probability from which an image holds a class.
    """

    def __init__(self,
                 backbone: dict,
                 classifier: dict,
                 *,
                 train_cfg: dict | None = None,
                 test_cfg: dict | None = None,
                 data_preprocessor: dict | None = None,
                 init_cfg: dict | list | None = None) -> None:
        super().__init__(data_preprocessor=data_preprocessor, init_cfg=init_cfg)
        self.backbone = MODELS.build(backbone)
        self.classifier = MODELS.build(classifier)
        self.train_cfg, self.test_cfg = train_cfg, test_cfg
        self.num_classes = self.out_channels = self.classifier.num_classes
        self.align_corners = False

    def extract_feat(self, inputs: Tensor) -> tuple[Tensor, ...]:
        """The backbone's maps."""
        return self.backbone(inputs)

    def loss(self, inputs: Tensor, data_samples: list) -> dict[str, Tensor]:
        """``loss_cls``, and ``acc_exact``, percent of images with every class right."""
        labels = image_labels(data_samples)[:, 1:self.num_classes]
        return self.classifier.loss(self.extract_feat(inputs), labels)

    def encode_decode(self, inputs: Tensor, batch_data_samples: list) -> Tensor:
        """Scores (B, K + 1, H, W) of the coarse label map."""
        return self._scores(inputs)[0]

    def predict(self, inputs: Tensor, data_samples: list | None = None) -> list:
        """mmseg's results, and ``class_scores``."""
        scores, probabilities = self._scores(inputs)
        results = self.postprocess_result(scores, data_samples)
        for sample, row in zip(results, probabilities, strict=True):
            sample.set_data(dict(class_scores=row))
        return results

    def _forward(self, inputs: Tensor, data_samples: list | None = None) -> Tensor:
        """Probabilities of each class, (B, K)."""
        return self.classifier.read(self.extract_feat(inputs)).probabilities

    def _scores(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        reading = self.classifier.read(self.extract_feat(inputs))
        settings: Any = self.test_cfg or {}
        size = (inputs.shape[-2], inputs.shape[-1])
        coarse = self.classifier.coarse_map(reading, size, settings.get('threshold', 0.5))
        return log_scores(coarse), torch.as_tensor(reading.probabilities)

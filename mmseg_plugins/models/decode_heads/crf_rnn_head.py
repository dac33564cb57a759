"""CRF-RNN after any decode head, trained together with it.

Paper: "Conditional Random Fields as Recurrent Neural Networks", https://arxiv.org/abs/1502.03240.
Original code: torrvision/crfasrnn@2156669 (Caffe), sadeepj/crfasrnn_pytorch@24899c5.

Shapes: B images of H x W px, C classes; scores of the wrapped head have h x w cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.model import BaseModule
from mmseg.models.utils import resize
from torch import Tensor

from mmseg_plugins.models.crf.crf_rnn import CRFRNN
from mmseg_plugins.registry import MODELS


@MODELS.register_module()
class CRFRNNHead(BaseModule):
    """A decode head, its scores resized to the image, and mean field iterations on both.

    .. code-block:: none

        maps ---- head -- resize --+-- CRFRNN -- logits (B, C, H, W) -- the head's own loss
        image -- std, mean --------+

    Args:
        decode_head: Config of a decode head, with its prefix (``mmseg.FCNHead``); its loss, ``ignore_index``, sampler
            and ``align_corners`` are used.
        crf: Options of :class:`~mmseg_plugins.models.crf.crf_rnn.CRFRNN`: ``alpha``, ``beta``, ``gamma``, ...
        iterations: In training and in the test.
        mean, std: Of the data preprocessor: the kernel of colors sees ``image * std + mean``.  The default leaves the
            image as it is, which is right for Caffe's preprocessing (the original subtracts the mean in the net and in
            the kernel); ImageNet's (mean and std of RGB) must be given, or colors would have no contrast.
        image_to_head: Whether the wrapped head is given the image, too (FCN-8s, which reads its size); otherwise it
            gets the maps only, as without CRF-RNN.

    A head of one channel (``out_channels=1``) is a CRF of two classes, whose scores are 0 and the channel's; the result
    is the difference of both.

    A checkpoint of the same model without CRF-RNN (``decode_head.*`` instead of ``decode_head.head.*``) is read into
    the wrapped head: train that first, name it in ``load_from``, and train on together.

    Shape:
        ``forward``: maps and, last of all, the image (B, K, H, W) as :class:`WithImage` gives them -> (B, C, H, W).

    Raises:
        ValueError: a head with a loss on its own grid, or one whose ``forward`` gives more than
            one map of scores.
    """

    def __init__(self,
                 *,
                 decode_head: dict,
                 crf: dict | None = None,
                 iterations: tuple[int, int] = (5, 10),
                 mean: Sequence[float] = (0.0, 0.0, 0.0),
                 std: Sequence[float] = (1.0, 1.0, 1.0),
                 image_to_head: bool = False,
                 init_cfg: dict | list | None = None) -> None:
        super().__init__(init_cfg=init_cfg)
        self.head = MODELS.build(decode_head)
        if getattr(self.head, 'label_stride', None) is not None:
            raise ValueError(
                f'CRFRNNHead: label_stride={self.head.label_stride} of {type(self.head).__name__} puts the loss on its '
                "own grid, but the CRF's scores have the image's size. Fix: label_stride=None")
        self.crfrnn = CRFRNN(max(self.head.out_channels, 2), **(crf or {}))
        self.iterations = tuple(iterations)
        self.image_to_head = image_to_head
        self.register_buffer('mean', torch.tensor(mean, dtype=torch.float32).view(-1, 1, 1), persistent=False)
        self.register_buffer('std', torch.tensor(std, dtype=torch.float32).view(-1, 1, 1), persistent=False)
        # what segmentors ask of a head
        for name in ('align_corners', 'num_classes', 'out_channels', 'threshold', 'ignore_index'):
            setattr(self, name, getattr(self.head, name))

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any, **kwargs: Any) -> None:
        """Read the names of a head that is not wrapped."""
        own = [key for key in state_dict if key.startswith(prefix)]
        if own and not any(key.startswith((f'{prefix}head.', f'{prefix}crfrnn.')) for key in own):
            for key in own:
                state_dict[f'{prefix}head.{key[len(prefix):]}'] = state_dict.pop(key)
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Give refined logits at the size of the image."""
        image = inputs[-1]
        unary, colors = self.unary(inputs), image * self.std + self.mean
        iterations = self.iterations[not self.training]
        if unary.shape[1] > 1:
            return self.crfrnn(colors, unary, iterations)
        both = self.crfrnn(colors, torch.cat([torch.zeros_like(unary), unary], 1), iterations)  # (B, 2, H, W)
        return both[:, 1:] - both[:, :1]

    def unary(self, inputs: Sequence[Tensor]) -> Tensor:
        """The wrapped head's scores at the size of the image (B, C, H, W)."""
        scores = self.head(tuple(inputs) if self.image_to_head else tuple(inputs[:-1]))
        if not isinstance(scores, Tensor):
            raise ValueError(
                f'CRFRNNHead: {type(self.head).__name__} gives {type(scores).__name__}, not one map of scores; such '
                'heads cannot be refined')
        return resize(scores, size=inputs[-1].shape[-2:], mode='bilinear', align_corners=self.align_corners)

    def loss(self, inputs: Sequence[Tensor], batch_data_samples: list, train_cfg: Any) -> dict[str, Tensor]:
        """The wrapped head's losses of the refined logits."""
        return self.head.loss_by_feat(self.forward(inputs), batch_data_samples)

    def predict(self, inputs: Sequence[Tensor], batch_img_metas: list[dict], test_cfg: Any) -> Tensor:
        """Refined logits (B, C, H, W) at the size that mmseg asks for."""
        return self.head.predict_by_feat(self.forward(inputs), batch_img_metas)

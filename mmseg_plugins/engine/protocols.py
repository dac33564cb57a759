"""What a hook, a runner, a model or a post-process may offer to others: declared here, asked for by ``isinstance``."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from torch import Tensor


@runtime_checkable
class BeforeBuild(Protocol):
    """A hook that acts before any data set is built."""

    def before_build(self, runner: Any, stage: str) -> None:
        """``stage``: ``'train'``, ``'val'`` or ``'test'``."""
        ...


@runtime_checkable
class KeepsGenerators(Protocol):
    """A runner whose checkpoints hold the random generators of every rank."""

    def gather_rng(self) -> None:
        """Collect their states for the next checkpoint; all ranks call it."""
        ...


@runtime_checkable
class KeepsState(Protocol):
    """A hook whose memory belongs into the checkpoint."""

    def state_dict(self) -> dict[str, Any]:
        """Numbers, texts, tensors and containers of them."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what :meth:`state_dict` gave; called before ``before_train``."""
        ...


@runtime_checkable
class RemovesPadding(Protocol):
    """A model that may read images without the padding of the batch."""

    removes_padding: bool


@runtime_checkable
class NamesClasses(Protocol):
    """A post-process whose results have other classes than the model."""

    @property
    def meta(self) -> dict[str, Any]:
        """``classes``, ``thing_classes`` and ``palette`` of the results."""
        ...


@runtime_checkable
class RefinesProbabilities(Protocol):
    """A post-process that can refine the mean of augmented predictions."""

    def probabilities(self, sample: Any, model: Any = None) -> Tensor:
        """Class probabilities (C, H, W) of a sample."""
        ...

    def as_scores(self, probabilities: Tensor, one_channel: bool, model: Any = None) -> Tensor:
        """The ``seg_logits`` of which :meth:`probabilities` makes these."""
        ...

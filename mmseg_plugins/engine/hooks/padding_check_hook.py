"""Say when validation shows the model padding that training never did."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper

from mmseg_plugins.engine.protocols import RemovesPadding
from mmseg_plugins.registry import HOOKS
from mmseg_plugins.utils.errors import UserError


@HOOKS.register_module()
class PaddingCheckHook(Hook):
    """Compare how much of the inputs is padding in training and in validation; warn once.

    Training on crops of one size shows a model no padding; whole images in validation are then padded to a multiple of
    ``pad_size_divisor`` with a color that it may never have met.  Group norm takes its statistics over the padding,
    too, and the cells next to it see an edge: scores fall without any error.

    Sizes are read after the data preprocessor: nothing is computed on pixels.  A model that takes the padding off
    again says so by an attribute ``removes_padding = True``.

    Args:
        min_batches: Training batches without padding before anything is said.
        min_share: Share of padded pixels in a validation, in (0, 1), from which it is said.

    Raises:
        ValueError: ``min_batches`` below 1 or ``min_share`` outside (0, 1).
    """

    priority = 'VERY_LOW'

    def __init__(self, *, min_batches: int = 20, min_share: float = 0.005) -> None:
        if min_batches < 1 or not 0 < min_share < 1:
            raise UserError(
                f'PaddingCheckHook: min_batches={min_batches} must be at least 1 and min_share={min_share} between 0 '
                'and 1',
            )
        self.min_batches, self.min_share = min_batches, min_share
        self.unpadded_batches = 0  # of the training
        self.train_is_padded = False
        self.said = False
        self._reset()
        self._handle: Any = None
        self._fix = ''

    def before_train(self, runner: Any) -> None:
        """Look at what the data preprocessor gives from here on, unless it was said before a kill."""
        if self.said:
            return
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        preprocess = model.data_preprocessor
        of_mmseg = hasattr(preprocess, 'test_cfg')
        divisor = 'test_cfg.size_divisor' if of_mmseg else 'pad_size_divisor'
        self._fix = f'--cfg-options model.data_preprocessor.{divisor}=1'
        if not (isinstance(model, RemovesPadding) and model.removes_padding):
            self._handle = preprocess.register_forward_hook(self._look, with_kwargs=True)

    def after_train(self, runner: Any) -> None:
        """Look no longer."""
        if self._handle is not None:
            self._handle.remove()
            self._handle = None

    def before_val_epoch(self, runner: Any) -> None:
        """Count this validation alone."""
        self._reset()

    def after_val_epoch(self, runner: Any, metrics: dict[str, float] | None = None) -> None:
        """Warn when there is reason to, and then never again."""
        share = self.padded_pixels / max(self.pixels, 1)
        if self._handle is None or self.train_is_padded or self.unpadded_batches < self.min_batches \
                or share < self.min_share:
            return
        runner.logger.warning(
            f'{self.padded_images} of {self.images} validation images were padded ({share:.1%} of all pixels), but '
            f'none of {self.unpadded_batches} training batches was. A model that never saw padding can fail next to '
            f'it, and group norm counts it. Fix: {self._fix} where the model takes any size (compare with '
            'tools/test.py), or train with padded images, too. '
            'padding_check=False turns this off.')
        self.said = True
        self.after_train(runner)

    def state_dict(self) -> dict[str, Any]:
        """What was seen and said, for the checkpoint."""
        return {name: getattr(self, name) for name in ('unpadded_batches', 'train_is_padded', 'said')}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Of the run that is resumed."""
        self.__dict__.update(state)

    def _reset(self) -> None:
        self.images = self.padded_images = 0
        self.pixels = self.padded_pixels = 0

    def _look(self, module: Any, args: tuple, kwargs: dict, output: Any) -> None:
        training = kwargs.get('training', args[1] if len(args) > 1 else False)
        sizes = input_sizes(output)
        if sizes is None:
            return
        padded = [full - used for full, used in sizes]
        if training:
            self.train_is_padded |= any(padded)
            self.unpadded_batches += 1
        else:
            self.images += len(padded)
            self.padded_images += sum(1 for pixels in padded if pixels)
            self.pixels += sum(full for full, _ in sizes)
            self.padded_pixels += sum(padded)


def input_sizes(prepared: Any) -> list[tuple[int, int]] | None:
    """Pixels with and without padding of each image of a prepared batch; None where that is not to be seen."""
    if not isinstance(prepared, Mapping):
        return None
    inputs, samples = prepared.get('inputs'), prepared.get('data_samples')
    if getattr(inputs, 'ndim', 0) != 4 or not isinstance(samples, (list, tuple)):
        return None
    shapes = [getattr(sample, 'img_shape', None) for sample in samples]
    if not shapes or any(shape is None for shape in shapes):
        return None
    height, width = inputs.shape[-2:]  # type: ignore[union-attr]
    return [(height * width, shape[0] * shape[1]) for shape in shapes]  # type: ignore[index]

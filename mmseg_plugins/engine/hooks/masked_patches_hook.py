"""The report of a pre-training: what was hidden, and which patches the network takes for the hidden ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper

from mmseg_plugins.registry import HOOKS
from mmseg_plugins.structures.images import save_image
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.utils.rng import seeded
from mmseg_plugins.visualization.masked_patches import draw_masked_patches, nearest_patches
from mmseg_plugins.visualization.sheets import contact_sheet


@HOOKS.register_module()
class MaskedPatchesHook(Hook):
    """After training, write ``masked_patches.png`` into the work folder.

    A row for each image: a crop as the training sees it, the same without the masked patches, and with each of these
    replaced by the patch of the other crops whose target is most similar to what the network predicts.  The run is the
    same with and without this hook.

    Args:
        images: Crops that are drawn, spread evenly over the training data, 2 or more.

    Raises:
        UserError: fewer than 2 images.
    """

    priority = 'LOW'

    def __init__(self, images: int = 8) -> None:
        if images < 2:
            raise UserError(f'MaskedPatchesHook: images={images}.', rule='nearest patches are those of other images.',
                            fix='2 or more.')
        self.images = images

    @master_only
    def after_train(self, runner: Any) -> None:
        """Draw the sheet."""
        dataset = runner.train_dataloader.dataset
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        chosen = np.linspace(0, len(dataset) - 1, self.images).astype(int)
        with seeded(0):
            batch = pseudo_collate([dataset[int(index)] for index in chosen])
        images = [np.ascontiguousarray(image.permute(1, 2, 0).numpy()) for image in batch['inputs']]
        training = model.training
        model.eval()
        with torch.no_grad():
            predicted, targets, places = model.compare(**model.data_preprocessor(batch, False))
            nearest = nearest_patches(predicted, targets, places)
        model.train(training)
        grid = batch['data_samples'][0].metainfo['token_mask'].shape
        pictures = draw_masked_patches(images, places.tolist(), nearest.tolist(), grid)
        path = Path(runner.work_dir) / 'masked_patches.png'
        heading = 'masked patches, and what is taken for them'
        save_image(path, contact_sheet(pictures, columns=6, cell=192, heading=heading))
        runner.logger.info(f'{path}: masks of {len(images)} crops and their nearest patches')

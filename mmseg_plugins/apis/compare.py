"""The same images through several systems: ground truth, then a column per system, on one sheet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.dataset import pseudo_collate

from mmseg_plugins.apis.inference import Predictor
from mmseg_plugins.config.build import build_dataset
from mmseg_plugins.config.load import load_config
from mmseg_plugins.config.shipped import find_shipped, shipped_models
from mmseg_plugins.config.walk import base_datasets
from mmseg_plugins.reporting.metafiles import read_summary
from mmseg_plugins.structures.images import read_image
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.utils.progress import track
from mmseg_plugins.utils.suggest import did_you_mean
from mmseg_plugins.visualization.browse import original_instances, original_labels
from mmseg_plugins.visualization.compare import Column, LabelColumn, comparison_sheet, label_sheet
from mmseg_plugins.visualization.samples import best_first, get_instances, get_label_map


@dataclass(frozen=True)
class ComparisonJob:
    """What is drawn.

    Args:
        titles: Of the systems' columns; None takes the names of their configs.
        num: Images, evenly spaced over those that may be chosen.
        objects: Least and most objects of an image that is chosen.
        images: Names of image files instead of a choice.
        score_thr: Least score that is drawn.
        plain: Masks or labels on a plain ground, no images.
        systems_as_rows: Ground truth and systems below each other.
        cell: Width of a picture in px.
        data_root: Of the validation data, instead of the config's.
        device: As of :class:`Predictor`.
    """

    titles: Sequence[str] | None = None
    num: int = 8
    objects: tuple[int, int] = (10, 60)
    images: Sequence[str] | None = None
    score_thr: float = 0.5
    plain: bool = False
    systems_as_rows: bool = False
    cell: int = 256
    data_root: str | None = None
    device: str = 'auto'


def split_system(text: str) -> tuple[str, str | None]:
    """Config and checkpoint of ``CONFIG=CHECKPOINT``, a working folder, or a trained model in the package.

    ``CONFIG=`` is without a checkpoint, and so is the name of a model in the package, which has its own.

    Raises:
        UserError: none of these, or the folder has no summary or checkpoint.
    """
    folder = Path(text)
    if folder.is_dir():
        if not (folder / 'summary.json').is_file():
            raise UserError(f'{text} holds no summary.json of a run.', fix='name CONFIG=CHECKPOINT.')
        summary = read_summary(folder)
        files = summary.get('checkpoints') or {}
        name = files.get('best') or files.get('last')
        if not name:
            raise UserError(f'{text} holds no checkpoint.', fix='name CONFIG=CHECKPOINT.')
        return str(summary['config']), str(folder / name)
    config, equal, checkpoint = text.partition('=')
    if not equal and find_shipped(config) is None:
        raise UserError(f'{text!r} is neither a folder nor CONFIG=CHECKPOINT nor a model in the package'
                        f'{did_you_mean(text, shipped_models())}.', fix='write one of them.')
    return config, checkpoint or None


def choose(dataset: Any, job: ComparisonJob) -> list[int]:
    """Indices of the images to draw.

    Raises:
        UserError: a named image is not there, or none holds the asked number of objects.
    """
    infos = [dataset.get_data_info(index) for index in range(len(dataset))]
    if job.images:
        places = {Path(info['img_path']).name: index for index, info in enumerate(infos)}
        missing = [name for name in job.images if name not in places]
        if missing:
            raise UserError(f'no image {missing[0]!r} in the validation data{did_you_mean(missing[0], places)}.')
        return [places[name] for name in job.images]
    if 'instances' not in infos[0]:
        return np.linspace(0, len(infos) - 1, min(job.num, len(infos))).round().astype(int).tolist()
    low, high = job.objects
    counts = [len(info['instances']) for info in infos]
    fitting = [index for index, count in enumerate(counts) if low <= count <= high]
    if not fitting:
        raise UserError(
            f'no image holds {low} to {high} objects; they hold {min(counts)} to {max(counts)}.', fix='--objects')
    number = min(job.num, len(fitting))
    return [fitting[index] for index in np.linspace(0, len(fitting) - 1, number).round().astype(int)]


def validation_data(config: str, job: ComparisonJob) -> Any:
    """The data set of a config's validation, or the first of several."""
    options = {'data_root': job.data_root} if job.data_root else None
    return next(base_datasets(build_dataset(load_config(config, options), 'val')))


@torch.no_grad()
def predict_prompted(model: Any, dataset: Any, path: str) -> Any:
    """The sample of a model that is prompted by annotations: the image as its own data set gives it."""
    index = next((i for i in range(len(dataset)) if dataset.get_data_info(i)['img_path'] == path), None)
    if index is None:
        raise UserError(f'{type(model).__name__} is prompted by annotations, and its validation data lack {path}.',
                        fix='compare systems on the same data.')
    return model.test_step(pseudo_collate([dataset[index]]))[0].cpu()


def predict(system: tuple[str, str | None], paths: Sequence[str], semantic: bool, job: ComparisonJob) -> list[Any]:
    """The instances, or the label map, that one system finds in each image.

    Raises:
        UserError: it predicts the other of both.
    """
    predictor = Predictor(*system, job.device)
    kind, words = ('pred_sem_seg', 'label maps') if semantic else ('pred_instances', 'instances')
    prompts = validation_data(system[0], job) if getattr(predictor.model, 'prompted', False) else None
    found = []
    for path in track(paths, description=Path(system[0]).stem):
        sample = predictor(path) if prompts is None else predict_prompted(predictor.model, prompts, path)
        if kind not in sample:
            raise UserError(f"{system[0]} predicts no {words}, which the first config's data hold.",
                            fix='compare systems of one kind.')
        found.append(get_label_map(sample.pred_sem_seg) if semantic else
                     best_first(get_instances(sample.pred_instances), job.score_thr))
    return found


def compare(systems: Sequence[tuple[str, str | None]], job: ComparisonJob) -> tuple[np.ndarray, int]:
    """The sheet, and how many images are on it."""
    dataset = validation_data(systems[0][0], job)
    chosen = choose(dataset, job)
    semantic = 'instances' not in dataset.get_data_info(chosen[0])
    paths = [str(dataset.get_data_info(index)['img_path']) for index in chosen]
    images = {Path(path).name: read_image(path) for path in paths}
    titles = ['ground truth', *(job.titles or [Path(config).stem for config, _ in systems])]
    truth: Any = original_labels if semantic else original_instances
    cells: list[list[Any]] = [[truth(dataset, index) for index in chosen]]
    cells += [predict(system, paths, semantic, job) for system in systems]
    names = list(dataset.metainfo['classes'])
    common: dict[str, Any] = dict(plain=job.plain, systems_as_rows=job.systems_as_rows, cell=job.cell)
    if semantic:
        label_columns = [LabelColumn(*pair) for pair in zip(titles, cells, strict=True)]
        return label_sheet(images, label_columns, names, dataset.metainfo.get('palette'), **common), len(images)
    columns = [Column(*pair) for pair in zip(titles, cells, strict=True)]
    return comparison_sheet(images, columns, names, **common), len(images)

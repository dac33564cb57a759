"""Annotations of a data set that contradict a trained model: ranked, as a table and as sheets of pictures."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from mmseg_plugins.apis.inference import Predictor
from mmseg_plugins.config.build import build_dataset
from mmseg_plugins.config.load import load_config
from mmseg_plugins.config.walk import base_datasets, leaf_datasets
from mmseg_plugins.data_prep.review import Finding, rank_instances, rank_labels
from mmseg_plugins.structures.images import read_image, save_image
from mmseg_plugins.structures.rle import encode_mask, iter_masks
from mmseg_plugins.utils.atomic import atomic_write_bytes
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.utils.progress import track
from mmseg_plugins.visualization.browse import original_instances, original_labels
from mmseg_plugins.visualization.overlay import draw_instances
from mmseg_plugins.visualization.samples import Instances, best_first, get_instances, get_label_map
from mmseg_plugins.visualization.semantic import complete_palette, draw_semantic
from mmseg_plugins.visualization.sheets import contact_sheet

COLUMNS = ('rank', 'kind', 'suspicion', 'image', 'annotation', 'labeled', 'predicted', 'score', 'iou', 'x', 'y',
           'width', 'height')
PER_SHEET = 10
MARK = (0, 0, 255)  # BGR of the rectangle around a finding


@dataclass(frozen=True)
class ReviewJob:
    """What is looked at and written.

    Args:
        out_dir: For ``findings.csv`` and ``sheet_<n>.png``.
        split: Of the config's data.
        score_thr: Least score of a prediction that is compared.
        least: Least suspicion that is written.
        top: Findings that are drawn.
        device: As of :class:`Predictor`.
    """

    out_dir: Path
    split: str = 'train'
    score_thr: float = 0.3
    least: float = 0.1
    top: int = 40
    device: str = 'auto'


def review_labels(config: str, checkpoint: str, job: ReviewJob, cfg_options: dict[str, Any] | None = None
                  ) -> tuple[list[Finding], int, list[Path]]:
    """Rank the annotations of a config's data set by how much a trained model contradicts them.

    Returns:
        The findings, the number of images, and what was written.

    Raises:
        UserError: config, checkpoint or data cannot be used, or do not belong together.
    """
    dataset = whole_dataset(config, job.split, cfg_options)
    predictor = Predictor(config, checkpoint, job.device, cfg_options=cfg_options)
    classes = list(dataset.metainfo['classes'])
    if list(predictor.meta['classes']) != classes:
        raise UserError(f'the checkpoint knows {tuple(predictor.meta["classes"])[:8]}, the data have '
                        f'{tuple(classes)[:8]}.', fix='give the config that the checkpoint was trained with.')
    semantic = 'instances' not in dataset.get_data_info(0)
    kind = 'pred_sem_seg' if semantic else 'pred_instances'
    names = image_names(dataset)
    pairs: dict[str, tuple[Any, Any]] = {}
    ignored: dict[str, np.ndarray] = {}
    findings: list[Finding] = []
    for index, name in enumerate(track(names, description='Predicting')):
        info = dataset.get_data_info(index)
        sample = predictor(info['img_path'])
        if kind not in sample:
            raise UserError(f'{config} predicts no {"label maps" if semantic else "instances"}, which its data hold.',
                            fix='give the config that the checkpoint was trained with.')
        if semantic:
            # Only what is drawn is read again, so that memory does not grow with the number of images.
            findings += rank_labels(name, original_labels(dataset, index), probabilities_of(sample), classes)
        else:
            truth = original_instances(dataset, index)
            pairs[name] = truth, rle_instances(best_first(get_instances(sample.pred_instances), job.score_thr))
            ignored[name] = np.array([bool(item.get('ignore_flag')) for item in info['instances']], bool)
    if semantic:
        findings.sort(key=lambda finding: -finding.suspicion)
    else:
        findings = rank_instances(pairs, classes, ignored)
    findings = [finding for finding in findings if finding.suspicion >= job.least]
    written = [write_table(job.out_dir / 'findings.csv', findings)]
    places = {name: index for index, name in enumerate(names)}

    def draw(name: str) -> tuple[np.ndarray, np.ndarray, int]:
        image = read_image(dataset.get_data_info(places[name])['img_path'])
        if not semantic:
            return draw_both(image, *pairs[name], classes)
        found = get_label_map(predictor(dataset.get_data_info(places[name])['img_path']).pred_sem_seg)
        palette = dataset.metainfo.get('palette')
        colors = complete_palette(None if isinstance(palette, str) else palette, len(classes))
        drawn = [draw_semantic(image, labels, colors) for labels in (original_labels(dataset, places[name]), found)]
        return drawn[0], drawn[1], drawn[0].shape[0] // image.shape[0]

    written += write_sheets(job.out_dir, findings[:job.top], draw)
    return findings, len(names), written


def whole_dataset(config: str, split: str, cfg_options: dict[str, Any] | None) -> Any:
    """The built data set of a split with every image, also those that training leaves out."""
    cfg = load_config(config, cfg_options)
    loader = cfg.get(f'{split}_dataloader')
    for leaf in leaf_datasets(loader['dataset']) if loader is not None else ():
        leaf.pop('filter_cfg', None)
        leaf['test_mode'] = True
    dataset = next(base_datasets(build_dataset(cfg, split)))
    if not len(dataset):
        raise UserError(f'the {split} data of {config} hold no image.', fix='mmseg-plugins check-data says more')
    return dataset


def image_names(dataset: Any) -> list[str]:
    """Names of the images, as short as they differ: relative to the folder that all lie in."""
    paths = [os.path.abspath(dataset.get_data_info(index)['img_path']) for index in range(len(dataset))]
    root = os.path.commonpath([os.path.dirname(path) for path in paths])
    return [Path(os.path.relpath(path, root)).as_posix() for path in paths]


def probabilities_of(sample: Any) -> np.ndarray:
    """Probabilities (C, H, W) of a semantic prediction; of one channel those of background and foreground."""
    if 'seg_logits' not in sample:
        labels = torch.from_numpy(get_label_map(sample.pred_sem_seg).astype(np.int64))
        return torch.nn.functional.one_hot(labels).permute(2, 0, 1).float().numpy()
    scores = sample.seg_logits.data.float()
    if len(scores) == 1:
        scores = scores if scores.min() >= 0 and scores.max() <= 1 else scores.sigmoid()
        return torch.cat([1 - scores, scores]).numpy()
    shares = bool((scores >= 0).all() and (scores.sum(0) - 1).abs().max() < 1e-3)
    return (scores if shares else scores.softmax(0)).numpy()


def rle_instances(instances: Instances) -> Instances:
    """The same with masks as RLE, so that those of a whole data set fit into memory."""
    masks = None if instances.masks is None else [encode_mask(mask) for mask in iter_masks(instances.masks)]
    return instances._replace(masks=masks)


def write_table(path: Path, findings: Sequence[Finding]) -> Path:
    """Write the findings as CSV, the most suspicious first."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator='\n')
    table.writerow(COLUMNS)
    for rank, item in enumerate(findings, start=1):
        x1, y1, x2, y2 = item.box
        table.writerow([rank, item.kind, f'{item.suspicion:.4f}', item.image,
                        '' if item.number is None else item.number, item.labeled, item.predicted,
                        f'{item.score:.4f}', f'{item.iou:.4f}', x1, y1, x2 - x1, y2 - y1])
    atomic_write_bytes(str(path), text.getvalue().encode(), durable=False)
    return path


def draw_both(image: np.ndarray, truth: Instances, found: Instances, classes: Sequence[str]
              ) -> tuple[np.ndarray, np.ndarray, int]:
    """The image with its annotations, with its predictions, and by how much both are enlarged."""
    drawn = [draw_instances(image, one.masks, one.boxes, one.labels, one.scores, classes) for one in (truth, found)]
    return drawn[0], drawn[1], drawn[0].shape[0] // image.shape[0]


def write_sheets(folder: Path, findings: Sequence[Finding],
                 draw: Callable[[str], tuple[np.ndarray, np.ndarray, int]]) -> list[Path]:
    """Write sheets of 10 findings, each as two pictures: what is annotated, and what the model sees."""
    written = []
    for start in range(0, len(findings), PER_SHEET):
        pictures = []
        for rank, item in enumerate(findings[start:start + PER_SHEET], start=start + 1):
            truth, found, scale = draw(item.image)
            what = item.labeled if not item.predicted or item.labeled == item.predicted else \
                item.predicted if not item.labeled else f'{item.labeled} or {item.predicted}'
            pictures.append((f'{rank}. {item.kind}: {what}', crop_around(truth, item.box, scale)))
            pictures.append((f'suspicion {item.suspicion:.2f}  {item.image}', crop_around(found, item.box, scale)))
        sheet = contact_sheet(pictures, min(4, len(pictures)), 256, 'annotated, then predicted')
        written.append(save_image(folder / f'sheet_{start // PER_SHEET + 1}.png', sheet))
    return written


def crop_around(picture: np.ndarray, box: tuple[int, int, int, int], scale: int) -> np.ndarray:
    """The part of an enlarged picture around a box, with as much again on each side, and the box marked."""
    x1, y1, x2, y2 = (value * scale for value in box)
    margin = max(x2 - x1, y2 - y1, 64)
    marked = picture.copy()
    width = max(1, round((x2 - x1 + 2 * margin) / 128))  # about 2 px on the sheet
    cv2.rectangle(marked, (x1 - width, y1 - width), (x2 + width - 1, y2 + width - 1), MARK, width)
    return marked[max(0, y1 - margin):y2 + margin, max(0, x1 - margin):x2 + margin]

"""Toy data and configs for tests of runs: 64-px images, networks that train an iteration in a fraction of a second."""

import json
from copy import deepcopy
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from mmengine.config import Config
from pycocotools import mask as mask_api

from mmseg_plugins.engine import SafeRunner

ROOT = Path(__file__).resolve().parents[1]
CLASSES = ('disc', 'bar')
PALETTE = [(0, 0, 0), (220, 60, 60), (60, 60, 220)]


def toy_image(seed, size=64):
    """A BGR picture with one bright disc and one blue bar, and their masks (2, size, size)."""
    rng = np.random.RandomState(seed)
    image = rng.randint(0, 40, (size, size, 3)).astype(np.uint8)
    masks = np.zeros((2, size, size), np.uint8)
    x, y = (int(value) for value in rng.randint(14, size - 34, 2))
    cv2.circle(masks[0], (x, y), 9, 1, -1)
    cv2.rectangle(masks[1], (x + 12, y + 12), (x + 32, y + 22), 1, -1)
    image[masks[0] > 0] = (80, 220, 240)
    image[masks[1] > 0] = (220, 120, 40)
    return image, masks.astype(bool)


def write_toy_coco(folder, images=4, size=64):
    """Write ``images/*.png`` and ``ann.json`` with two instances per image; returns the folder."""
    folder = Path(folder)
    (folder / 'images').mkdir(parents=True, exist_ok=True)
    entries, annotations = [], []
    for index in range(images):
        image, masks = toy_image(index, size)
        name = f'toy {index}.png'
        cv2.imwrite(str(folder / 'images' / name), image)
        entries.append(dict(id=index + 1, file_name=name, height=size, width=size))
        for label, mask in enumerate(masks):
            rle = mask_api.encode(np.asfortranarray(mask, np.uint8))
            annotations.append(dict(
                id=len(annotations) + 1, image_id=index + 1, category_id=label + 1, iscrowd=0, area=int(mask.sum()),
                bbox=mask_api.toBbox(rle).tolist(), segmentation=dict(size=rle['size'], counts=rle['counts'].decode())))
    categories = [dict(id=index + 1, name=name) for index, name in enumerate(CLASSES)]
    (folder / 'ann.json').write_text(json.dumps(dict(images=entries, annotations=annotations, categories=categories)))
    return folder


def write_toy_label_maps(folder, images=4, size=64):
    """Write ``img_dir/*.png`` and ``ann_dir/*.png`` (0 ground, 1 disc, 2 bar, 255 in a corner)."""
    folder = Path(folder)
    for name in ('img_dir', 'ann_dir'):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for index in range(images):
        image, masks = toy_image(index, size)
        labels = (masks[0] * 1 + masks[1] * 2).astype(np.uint8)
        labels[:4, :4] = 255
        cv2.imwrite(str(folder / 'img_dir' / f'{index}.png'), image)
        cv2.imwrite(str(folder / 'ann_dir' / f'{index}.png'), labels)
    return folder


def _loader(dataset, batch_size, train):
    sampler = dict(type='InfiniteSampler', shuffle=True) if train else dict(type='DefaultSampler', shuffle=False)
    return dict(batch_size=batch_size, num_workers=0, sampler=sampler, dataset=dataset)


def _run_config(work_dir, scope, **parts):
    return Config(dict(
        default_scope=scope, work_dir=str(work_dir), custom_imports=dict(imports=['mmseg_plugins']),
        train_cfg=dict(type='IterBasedTrainLoop', max_iters=2, val_interval=2), val_cfg=dict(), test_cfg=dict(),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.01)), randomness=dict(seed=3), log_level='INFO',
        env_cfg=dict(mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0)),
        default_hooks=dict(
            logger=dict(type='LoggerHook', interval=1),
            checkpoint=dict(type='mmseg_plugins.SafeCheckpointHook', by_epoch=False, interval=1)),
        log_processor=dict(by_epoch=False), experiment_name=f'toy_{Path(work_dir).name}', **parts))


@cache
def _small_mask_rcnn():
    """The model of a base file; reading a file with a base of mmdet takes a third of a second."""
    return Config.fromfile(ROOT / 'configs' / '_base_' / 'models' / 'mask-rcnn_r18-small_fpn.py').model.to_dict()


def detector_config(data, work_dir, **changes):
    """A tiny Mask R-CNN on :func:`write_toy_coco` data as a mmengine Config."""
    model = deepcopy(_small_mask_rcnn())
    model['backbone']['base_channels'] = 8
    model['neck'].update(in_channels=[8, 16, 32, 64], out_channels=16)
    model['rpn_head'].update(in_channels=16, feat_channels=16)
    head = model['roi_head']
    for name in ('bbox_roi_extractor', 'mask_roi_extractor'):
        head[name]['out_channels'] = 16
    head['bbox_head'].update(in_channels=16, fc_out_channels=32, num_classes=2)
    head['mask_head'].update(in_channels=16, conv_out_channels=16, num_convs=1, num_classes=2)
    model['test_cfg']['rcnn'].update(score_thr=0.01, max_per_img=10)
    load = [dict(type='LoadImageFromFile'), dict(type='LoadAnnotations', with_bbox=True, with_mask=True)]
    test = [load[0], dict(type='Resize', scale=(96, 96), keep_ratio=True), load[1], dict(
        type='PackDetInputs', meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor'))]
    dataset = dict(type='CocoDataset', data_root=str(data), ann_file='ann.json', data_prefix=dict(img='images/'),
                   metainfo=dict(classes=CLASSES))
    train = dict(dataset, pipeline=[*load, dict(type='RandomFlip', prob=0.5), dict(type='PackDetInputs')])
    evaluator = dict(type='CocoMetric', ann_file=str(Path(data) / 'ann.json'), metric=['bbox', 'segm'])
    val_loader = _loader(dict(dataset, pipeline=test, test_mode=True), 1, False)
    cfg = _run_config(work_dir, 'mmdet', model=model, train_dataloader=_loader(train, 2, True),
                      val_dataloader=val_loader, test_dataloader=val_loader, val_evaluator=evaluator,
                      test_evaluator=evaluator)
    cfg.merge_from_dict(changes)
    return cfg


def segmentor_config(data, work_dir, **changes):
    """A tiny FCN on :func:`write_toy_label_maps` data as a mmengine Config."""
    norm = dict(type='BN')
    model = dict(
        type='EncoderDecoder',
        data_preprocessor=dict(type='SegDataPreProcessor', mean=[127.0] * 3, std=[60.0] * 3, bgr_to_rgb=True,
                               size=(64, 64), seg_pad_val=255),
        backbone=dict(type='ResNet', depth=18, base_channels=8, num_stages=2, strides=(1, 2), dilations=(1, 1),
                      out_indices=(1,), norm_cfg=norm),
        decode_head=dict(type='FCNHead', in_channels=16, channels=8, num_convs=1, num_classes=3, norm_cfg=norm,
                         loss_decode=dict(type='CrossEntropyLoss')),
        train_cfg=dict(), test_cfg=dict(mode='whole'))
    load = [dict(type='LoadImageFromFile'), dict(type='LoadAnnotations')]
    dataset = dict(type='BaseSegDataset', data_root=str(data), img_suffix='.png', seg_map_suffix='.png',
                   data_prefix=dict(img_path='img_dir', seg_map_path='ann_dir'),
                   metainfo=dict(classes=('ground', *CLASSES), palette=PALETTE))
    train = dict(dataset, pipeline=[*load, dict(type='RandomFlip', prob=0.5), dict(type='PackSegInputs')])
    test = dict(dataset, pipeline=[load[0], dict(type='Resize', scale=(64, 64), keep_ratio=True), load[1],
                                   dict(type='PackSegInputs')])
    val_loader = _loader(test, 1, False)
    evaluator = dict(type='IoUMetric', iou_metrics=['mIoU'])
    cfg = _run_config(work_dir, 'mmseg', model=model, train_dataloader=_loader(train, 2, True),
                      val_dataloader=val_loader, test_dataloader=val_loader, val_evaluator=evaluator,
                      test_evaluator=evaluator)
    cfg.merge_from_dict(changes)
    return cfg


def train(cfg, **hook_options):
    """Train with ``RunReportHook(**hook_options)``; returns the runner."""
    cfg.custom_hooks = [dict(type='mmseg_plugins.RunReportHook', **hook_options), *cfg.get('custom_hooks', [])]
    runner = SafeRunner.from_cfg(cfg)
    runner.train()
    return runner

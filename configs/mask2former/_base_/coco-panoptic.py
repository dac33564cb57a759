# Stock panoptic Mask2Former (R-50, 50 epochs with large-scale jitter, 8 x 2 images) read and evaluated without
# panopticapi, which no package index serves.
_base_ = ['mmdet::mask2former/mask2former_r50_8xb2-lsj-50e_coco-panoptic.py']

custom_imports = dict(imports=['mmseg_plugins.activate'], allow_failed_imports=False)
runner_type = 'mmseg_plugins.SafeRunner'
env_cfg = dict(cudnn_benchmark=True)  # images of one size
default_hooks = dict(checkpoint=dict(type='mmseg_plugins.SafeCheckpointHook'))
visualizer = dict(type='mmseg_plugins.PanopticVisualizer')

data_root = 'data/coco/'
image_size = (1024, 1024)
load_panoptic = dict(type='mmseg_plugins.LoadPanopticAnnotations')
train_pipeline = [
    dict(type='LoadImageFromFile', to_float32=True),
    load_panoptic,
    dict(type='RandomFlip', prob=0.5),
    dict(type='RandomResize', scale=image_size, ratio_range=(0.1, 2.0), keep_ratio=True),
    dict(
        type='RandomCrop',
        crop_size=image_size,
        crop_type='absolute',
        recompute_bbox=True,
        allow_negative_crop=True),
    dict(type='PackDetInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(1333, 800), keep_ratio=True),
    load_panoptic,
    dict(type='PackDetInputs', meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor')),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader

val_evaluator = [
    dict(
        type='mmseg_plugins.PanopticQualityMetric',
        ann_file=data_root + 'annotations/panoptic_val2017.json',
        seg_prefix=data_root + 'annotations/panoptic_val2017/'),
    dict(
        type='mmseg_plugins.FastCocoMetric',
        ann_file=data_root + 'annotations/instances_val2017.json',
        metric=['bbox', 'segm']),
]
test_evaluator = val_evaluator

# Few masks on generated shapes, 128 x 128: background and five classes, several to an image.  Every training image may
# have labels of the whole image; masks have those that a list names.
#   mmseg-plugins convert-data shapes --out-dir data/shapes
# The lists, with 5, 10 and 25 images for each class (25, 50, 125 images):
#   for n in 5 10 25; do mmseg-plugins few-labels configs/decouplednet/decouplednet_lite0-classifier_500it_shapes.py \
#       --per-class $n --out-file data/shapes/few/$n.json; done
_base_ = ['../../_base_/runtime/semantic_runtime.py']

# ------------------------------------------------------------------ often changed
data_root = 'data/shapes/'

# --------------------------------------------------------------------- data
dataset = dict(
    type='mmseg_plugins.CocoSemanticDataset',
    data_root=data_root,
    metainfo=dict(
        classes=('circle', 'square', 'triangle', 'star', 'ring'),
        palette=[(220, 60, 60), (60, 160, 60), (60, 90, 220), (230, 180, 40), (170, 60, 200)]),
    filter_cfg=dict(filter_empty_gt=False))
load = [
    dict(type='LoadImageFromFile'),
    dict(type='mmdet.LoadAnnotations', with_bbox=True, with_mask=True),
    dict(type='mmseg_plugins.InstancesToSegMap'),
]
flip = dict(type='RandomFlip', prob=0.75, direction=['horizontal', 'vertical', 'diagonal'])
pack = dict(type='PackSegInputs')
train_dataloader = dict(
    batch_size=8,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        ann_file='annotations/instances_train.json', data_prefix=dict(img='train/'), pipeline=[*load, flip, pack],
        **dataset))
val_dataloader = dict(
    batch_size=1,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        ann_file='annotations/instances_val.json', data_prefix=dict(img='val/'), test_mode=True, pipeline=[*load, pack],
        **dataset))
test_dataloader = val_dataloader
val_evaluator = dict(type='IoUMetric', iou_metrics=['mIoU'])
test_evaluator = val_evaluator

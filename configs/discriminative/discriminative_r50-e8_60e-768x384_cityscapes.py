# Pixel embeddings with the discriminative loss on Cityscapes, 8 channels.
# Paper (another network, ResNet-38, and classes from a network of its own): test AP 17.5.
#   tools/dist_train.sh configs/discriminative/discriminative_r50-e8_60e-768x384_cityscapes.py 4
# Not yet measured here.
_base_ = ['../_base_/datasets/coco_instance.py', '../_base_/runtime/default_runtime.py', 'mmdet::_base_/models/mask-rcnn_r50_fpn.py']

env_cfg = dict(cudnn_benchmark=True)  # images of one size

# ------------------------------------------------------------------ often changed
data_root = 'data/cityscapes/'
train_ann_file = 'annotations/instancesonly_filtered_gtFine_train.json'
val_ann_file = 'annotations/instancesonly_filtered_gtFine_val.json'
train_img_prefix = 'leftImg8bit/train/'
val_img_prefix = 'leftImg8bit/val/'
classes = ('person', 'rider', 'car', 'truck', 'bus', 'train', 'motorcycle', 'bicycle')
max_epochs = 60
base_lr = 1e-4  # for 8 images a step

model = dict(
    _delete_=True,
    type='SingleStageInstanceSegmentor',
    data_preprocessor={{_base_.model.data_preprocessor}},
    backbone={{_base_.model.backbone}},
    neck=dict(type='FPN', in_channels=[256, 512, 1024, 2048], out_channels=256, num_outs=4),
    mask_head=dict(
        type='mmseg_plugins.EmbeddingHead',
        in_channels=[256] * 4,
        stride=4,
        num_classes=8,
        norm_cfg=dict(type='GN', num_groups=32),
        loss_embedding=dict(type='mmseg_plugins.DiscriminativeLoss', delta_v=0.5, delta_d=1.5)),
    test_cfg=dict(bandwidth=0.5, max_clusters=500, max_steps=10, min_pixels=10, max_per_img=100))

load = [dict(type='LoadImageFromFile'), dict(type='LoadAnnotations', with_bbox=True, with_mask=True)]
resize = dict(type='Resize', scale=(768, 384), keep_ratio=True)
train_pipeline = [*load, resize, dict(type='RandomFlip', prob=0.5), dict(type='PackDetInputs')]
test_pipeline = [
    load[0], resize, load[1],
    dict(type='PackDetInputs', meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor')),
]
train_dataloader = dict(
    batch_size=2,
    dataset=dict(metainfo=dict(classes=classes), pipeline=train_pipeline, filter_cfg=dict(filter_empty_gt=False)))
val_dataloader = dict(dataset=dict(metainfo=dict(classes=classes), pipeline=test_pipeline))
test_dataloader = val_dataloader

train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=max_epochs, val_interval=5)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=base_lr))
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0, by_epoch=True, begin=0, end=max_epochs)]
auto_scale_lr = dict(enable=False, base_batch_size=8)

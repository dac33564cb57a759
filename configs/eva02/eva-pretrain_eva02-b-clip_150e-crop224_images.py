# EVA-02-B as it is pre-trained in the paper: patches of 14 px, 105 of 256 masked, the features of EVA-CLIP g for each
# patch as targets, 150 epochs of a batch of 2048 (256 images on each of 8 GPUs), ImageNet-21k or any images.
# checkpoints/eva_clip_g_14.pt is EVA_CLIP_g_14 with its projection, from https://github.com/baaivision/EVA .
#   tools/dist_train.sh configs/eva02/eva-pretrain_eva02-b-clip_150e-crop224_images.py 8
# Not yet measured here.
_base_ = './_base_/pretrain.py'

env_cfg = dict(cudnn_benchmark=True)  # images of one size
data_root = 'data/imagenet21k/'
folders = ['.']
crop_size = 224
patch_size = 14
grid = crop_size // patch_size
max_epochs = 150
base_lr = 1.5e-3
clip_mean, clip_std = [122.7709, 116.7460, 104.0937], [68.5005, 66.6322, 70.3232]

model = dict(
    data_preprocessor=dict(mean=clip_mean, std=clip_std),
    backbone=dict(arch='b', patch_size=patch_size, pretrain_size=crop_size, with_cls_token=True),
    target=dict(
        type='mmseg_plugins.CLIPTargets', checkpoint='checkpoints/eva_clip_g_14.pt', channels=1024, head_dims=88))
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='mmseg_plugins.RandomResizedCrop', size=crop_size),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmseg_plugins.BlockMasking', grid=(grid, grid)),
    dict(type='PackSegInputs', meta_keys=('img_path', 'img_shape', 'token_mask')),
]
train_dataloader = dict(
    batch_size=256, num_workers=8, sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(data_root=data_root, folders=folders, pipeline=train_pipeline))
train_cfg = dict(_delete_=True, type='EpochBasedTrainLoop', max_epochs=max_epochs)
optim_wrapper = dict(optimizer=dict(lr=base_lr))
param_scheduler = [
    dict(
        type='LinearLR', start_factor=1e-6 / base_lr, by_epoch=True, begin=0, end=1, convert_to_iter_based=True),
    dict(
        type='CosineAnnealingLR', by_epoch=True, begin=1, end=max_epochs, T_max=max_epochs - 1, eta_min=1e-5,
        convert_to_iter_based=True),
]
log_processor = dict(by_epoch=True)
default_hooks = dict(checkpoint=dict(by_epoch=True, interval=10))
auto_scale_lr = dict(enable=False, base_batch_size=2048)

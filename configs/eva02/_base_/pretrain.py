# Pre-training of a small EVA-02 on images without labels: crops of 128 px, 8 x 8 patches, 26 of them masked.  The
# transformer is that of _base_/nuclei.py, which can start from it.  Two CPU cores.
_base_ = '../../_base_/runtime/semantic_runtime.py'

# ------------------------------------------------------------------ often changed
data_root = 'data/'
folders = ['nuclei/train', 'camvid/img_dir/train']
crop_size = 128
batch_size = 16
max_iters = 2000
base_lr = 1e-3
warmup_iters = 50

patch_size = 16
grid = crop_size // patch_size
model = dict(
    type='mmseg_plugins.EVAPretrain',
    data_preprocessor=dict(
        type='mmengine.ImgDataPreprocessor', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True),
    backbone=dict(
        type='mmseg_plugins.EVA02',
        arch=dict(embed_dims=96, depth=6, num_heads=3),
        patch_size=patch_size,
        pretrain_size=256,  # the fine-tuned network's; positions are resized to the crop's grid
        final_norm=True))

# --------------------------------------------------------------------- data
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='mmseg_plugins.RandomResizedCrop', size=crop_size),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmseg_plugins.BlockMasking', grid=(grid, grid)),
    dict(type='PackSegInputs', meta_keys=('img_path', 'img_shape', 'token_mask')),
]
train_dataloader = dict(
    batch_size=batch_size,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        type='mmseg_plugins.ImageFolderDataset', data_root=data_root, folders=folders, pipeline=train_pipeline))
val_dataloader = val_evaluator = val_cfg = None
test_dataloader = test_evaluator = test_cfg = None

# ----------------------------------------------------------------- schedule
train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters, val_interval=max_iters + 1)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=base_lr, betas=(0.9, 0.98), eps=1e-6, weight_decay=0.05),
    paramwise_cfg=dict(
        flat_decay_mult=0.0,
        custom_keys={
            'pos_embed': dict(decay_mult=0.0),
            'cls_token': dict(decay_mult=0.0)
        }),
    clip_grad=dict(max_norm=3.0, norm_type=2))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, by_epoch=False, begin=0, end=warmup_iters),
    dict(
        type='CosineAnnealingLR',
        by_epoch=False,
        begin=warmup_iters,
        end=max_iters,
        T_max=max_iters - warmup_iters,
        eta_min=1e-5),
]
default_hooks = dict(checkpoint=dict(interval=500, save_best=None, rule=None))
custom_hooks = [dict(type='mmseg_plugins.MaskedPatchesHook')]

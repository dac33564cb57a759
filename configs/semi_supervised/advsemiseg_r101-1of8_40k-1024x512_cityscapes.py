# AdvSemiSeg on Cityscapes with 1/8 of the labels: whole images at 1024 x 512, batches of 2, 40,000 steps.  The released
# code has no Cityscapes; size, batch and length are recalled from the paper and not read again.
#   python tools/train.py configs/semi_supervised/advsemiseg_r101-1of8_40k-1024x512_cityscapes.py
# Other shares: --cfg-options train_dataloader.dataset.share=0.25.  Not yet measured here.
_base_ = ['./_base_/r101.py', '../_base_/runtime/semantic_runtime.py']

env_cfg = dict(cudnn_benchmark=True)  # images of one size

# ------------------------------------------------------------------ often changed
max_iters = 40000
val_interval = 5000
data_root = 'data/cityscapes/'

model = dict(data_preprocessor=dict(size=(512, 1024)), decode_head=dict(num_classes=19))
cityscapes = dict(type='CityscapesDataset', data_root=data_root)
load, resize = dict(type='LoadImageFromFile'), dict(type='Resize', scale=(1024, 512), keep_ratio=False)
annotations, pack = dict(type='LoadAnnotations'), dict(type='PackSegInputs')
labeled = dict(
    data_prefix=dict(img_path='leftImg8bit/train', seg_map_path='gtFine/train'),
    pipeline=[load, annotations, resize, pack],
    **cityscapes)
unlabeled = dict(data_prefix=dict(img_path='leftImg8bit/train'), pipeline=[load, resize, pack], **cityscapes)
train_dataloader = dict(
    batch_size=6,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    batch_sampler=dict(type='mmseg_plugins.PartsBatchSampler', parts=[1, 1, 1]),
    dataset=dict(type='mmseg_plugins.LabelShare', share=1 / 8, seed=0, datasets=[labeled, unlabeled, labeled]))
val_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        data_prefix=dict(img_path='leftImg8bit/val', seg_map_path='gtFine/val'),
        pipeline=[load, resize, annotations, pack],
        **cityscapes))
test_dataloader = val_dataloader
val_evaluator = dict(type='IoUMetric', iou_metrics=['mIoU'])
test_evaluator = val_evaluator

default_hooks = dict(checkpoint=dict(interval=val_interval))
train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters, val_interval=val_interval)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
poly = dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, end=max_iters, by_epoch=False)
param_scheduler = dict(segmentor=poly, discriminator=poly)

# AdvSemiSeg on PASCAL VOC with 1/8 of the labels: 10 labeled and 10 unlabeled crops a step, and 10 label maps for the
# discriminator; no scales, no mirror.  README of the original: 68.8 mIoU on val; 73.6 with all labels alone.
# First: mmseg-plugins convert-weights deeplabv2-kazuto1011-backbone deeplabv1_resnet101-coco.pth
#        checkpoints/deeplabv2_r101_coco.pth
#   python tools/train.py configs/semi_supervised/advsemiseg_r101-1of8_20k-crop321_voc.py
# Other shares: --cfg-options train_dataloader.dataset.share=0.25.  Not yet measured here.
_base_ = ['./_base_/r101.py', '../_base_/datasets/voc12aug_semantic.py', '../_base_/runtime/semantic_runtime.py']

env_cfg = dict(cudnn_benchmark=True)  # images of one size

# ------------------------------------------------------------------ often changed
max_iters = 20000
val_interval = 5000

model = dict(data_preprocessor=dict(test_cfg=dict(size=(505, 505))))
crop = [dict(type='RandomCrop', crop_size=(321, 321)), dict(type='PackSegInputs')]
voc = dict(type='PascalVOCDataset', data_root={{_base_.data_root}}, ann_file='ImageSets/Segmentation/trainaug.txt')
labeled = dict(
    data_prefix=dict(img_path='JPEGImages', seg_map_path='SegmentationClassAug'),
    pipeline=[dict(type='LoadImageFromFile'), dict(type='LoadAnnotations'), *crop],
    **voc)
unlabeled = dict(data_prefix=dict(img_path='JPEGImages'), pipeline=[dict(type='LoadImageFromFile'), *crop], **voc)
train_dataloader = dict(
    batch_size=30,
    num_workers=4,
    batch_sampler=dict(type='mmseg_plugins.PartsBatchSampler', parts=[1, 1, 1]),
    dataset=dict(
        _delete_=True, type='mmseg_plugins.LabelShare', share=1 / 8, seed=0, datasets=[labeled, unlabeled, labeled]))

default_hooks = dict(checkpoint=dict(interval=val_interval))
train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters, val_interval=val_interval)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
poly = dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, end=max_iters, by_epoch=False)
param_scheduler = dict(segmentor=poly, discriminator=poly)

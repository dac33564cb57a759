# LinkNet on CamVid at 768 x 576.  README of the original: class mean IoU 69.10 (on
# CamVid's own 960 x 720 images made smaller; here the 480 x 360 ones made larger).
#   python tools/train.py configs/linknet/linknet_r18_300e-768x576_camvid.py
# Not yet measured here.
_base_ = [
    './_base_/linknet_r18.py',
    '../_base_/datasets/camvid_full.py',
    '../_base_/datasets/camvid_class_weights.py',
]

model = dict(decode_head=dict(num_classes=11, loss_decode=dict(class_weight={{_base_.linknet_weights}})))

resize = dict(type='Resize', scale=(768, 576), keep_ratio=False)
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    resize,
    dict(type='PackSegInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    resize,
    dict(type='LoadAnnotations'),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(
    batch_size=8, drop_last=True, sampler=dict(type='DefaultSampler'), dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))

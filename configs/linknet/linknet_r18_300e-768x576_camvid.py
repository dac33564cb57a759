# LinkNet on CamVid at 768 x 576.  README of the original: class mean IoU 69.10 (on
# CamVid's own 960 x 720 images made smaller; here the 480 x 360 ones made larger).
#   python tools/train.py configs/linknet/linknet_r18_300e-768x576_camvid.py
# Not yet measured here.
_base_ = ['./_base_/linknet_r18.py', '../_base_/datasets/camvid.py']

# 1 / ln(1.02 + p / max p) of the training labels:
#   python tools/analysis_tools/class_weights.py configs/linknet/linknet_r18_300e-768x576_camvid.py
class_weight = [2.2748, 1.7785, 20.0852, 1.4223, 6.6714, 3.5331, 18.0237, 18.4834, 5.3558, 25.3775, 34.729]
model = dict(decode_head=dict(num_classes=11, loss_decode=dict(class_weight=class_weight)))

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
test_dataloader = val_dataloader

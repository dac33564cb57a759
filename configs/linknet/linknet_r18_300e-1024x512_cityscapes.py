# LinkNet on Cityscapes at 1024 x 512.  README of the original: class mean IoU 76.44,
# iIoU 60.78 on val, measured at 1024 x 512 (here against the full-size labels).
#   tools/dist_train.sh configs/linknet/linknet_r18_300e-1024x512_cityscapes.py 4 --cfg-options train_dataloader.batch_size=2
# Not yet measured here.
_base_ = ['./_base_/linknet_r18.py']

# 1 / ln(1.02 + p / max p), p counted in the 2,975 training labels at 1024 x 512.
class_weight = [
    1.4223, 5.8927, 2.023, 26.9743, 23.3371, 19.2582, 39.4983, 29.1007, 2.6794, 19.9563, 8.2233, 19.3419, 42.7543,
    5.2541, 37.1901, 38.4057, 38.496, 44.5992, 32.5245
]
model = dict(decode_head=dict(num_classes=19, loss_decode=dict(class_weight=class_weight)))

data_root = 'data/cityscapes/'
dataset = dict(type='CityscapesDataset', data_root=data_root)
resize = dict(type='Resize', scale=(1024, 512), keep_ratio=False)
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
    batch_size=8,
    num_workers=4,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        data_prefix=dict(img_path='leftImg8bit/train', seg_map_path='gtFine/train'), pipeline=train_pipeline, **dataset))
val_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        data_prefix=dict(img_path='leftImg8bit/val', seg_map_path='gtFine/val'), pipeline=test_pipeline, **dataset))
test_dataloader = val_dataloader
val_evaluator = dict(type='IoUMetric', iou_metrics=['mIoU'])
test_evaluator = val_evaluator

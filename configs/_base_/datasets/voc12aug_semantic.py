# PASCAL VOC 2012 for label maps: 10,582 training images (VOC and SBD) and VOC's
# 1,449 validation images; background and 20 classes, 255 where nothing counts.
#   data/VOCdevkit/VOC2012/{JPEGImages,SegmentationClass,SegmentationClassAug,ImageSets/Segmentation}
# SegmentationClassAug holds a map for each name of ImageSets/Segmentation/trainaug.txt:
# SBD's (mmseg's tools/dataset_converters/voc_aug.py writes them and the list), and
# over them VOC's own: cp SegmentationClass/*.png SegmentationClassAug/
# (FCN and CRF-RNN train on SBD's alone, SegmentationClassSBD: configs/fcn/README.md.)
# data_root moves everything (--cfg-options data_root=...).
data_root = 'data/VOCdevkit/VOC2012/'
dataset = dict(type='PascalVOCDataset', data_root=data_root)
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='PackSegInputs'),
]

train_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        ann_file='ImageSets/Segmentation/trainaug.txt',
        data_prefix=dict(img_path='JPEGImages', seg_map_path='SegmentationClassAug'),
        pipeline=train_pipeline,
        **dataset))
val_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        ann_file='ImageSets/Segmentation/val.txt',
        data_prefix=dict(img_path='JPEGImages', seg_map_path='SegmentationClass'),
        pipeline=test_pipeline,
        **dataset))
test_dataloader = val_dataloader

val_evaluator = dict(type='IoUMetric', iou_metrics=['mIoU'])
test_evaluator = val_evaluator

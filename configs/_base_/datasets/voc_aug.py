# PASCAL VOC 2012 with SBD's label maps: 10,582 training and 1,449 validation images, 21 classes.
#   data/VOCdevkit/VOC2012/{JPEGImages,SegmentationClass,SegmentationClassAug,ImageSets/Segmentation}
# SegmentationClassAug holds a map for each name of ImageSets/Segmentation/trainaug.txt: first SBD's, as mmseg's
# tools/dataset_converters/voc_aug.py writes them with the list, then VOC's own over them:
#   cp SegmentationClass/*.png SegmentationClassAug/
# data_root moves everything (--cfg-options data_root=...).
# Training as in DeepLab's Caffe nets: a scale of .5 to 1.5, crops of 321, mirrored; whole images in validation.
data_root = 'data/VOCdevkit/VOC2012/'
crop_size = (321, 321)
num_classes = 21
dataset = dict(type='PascalVOCDataset', data_root=data_root)
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='RandomChoice', transforms=[[dict(type='Resize', scale_factor=s)] for s in (0.5, 0.75, 1.0, 1.25, 1.5)]),
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='PackSegInputs'),
]

train_dataloader = dict(
    batch_size=10,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        data_prefix=dict(img_path='JPEGImages', seg_map_path='SegmentationClassAug'),
        ann_file='ImageSets/Segmentation/trainaug.txt',
        pipeline=train_pipeline,
        **dataset))
val_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        data_prefix=dict(img_path='JPEGImages', seg_map_path='SegmentationClass'),
        ann_file='ImageSets/Segmentation/val.txt',
        pipeline=test_pipeline,
        **dataset))
test_dataloader = val_dataloader

val_evaluator = dict(type='IoUMetric', iou_metrics=['mIoU'])
test_evaluator = val_evaluator

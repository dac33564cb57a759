# Instances of PASCAL VOC in the Semantic Boundaries Dataset (SBD): images of
# about 500 x 375 pixels, 20 classes, exact masks.  Layout and the lists of the SDS
# split (5623 images to train on, 5732 to evaluate on), which all papers use:
# mmseg_plugins/datasets/sbd_files.py.
#
# Its .mat files are read at the start.  For other metrics, or a faster start:
#   mmseg-plugins convert-data sbd data/sbd
_base_ = ['mmdet::_base_/datasets/coco_instance.py']

data_root = 'data/sbd/'
train_ann_file = 'train.txt'
val_ann_file = 'val.txt'
train_img_prefix = 'img/'
val_img_prefix = 'img/'
classes = ('aeroplane', 'bicycle', 'bird', 'boat', 'bottle', 'bus', 'car', 'cat', 'chair', 'cow', 'diningtable', 'dog',
           'horse', 'motorbike', 'person', 'pottedplant', 'sheep', 'sofa', 'train', 'tvmonitor')

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', with_bbox=True, with_mask=True),
    dict(type='Resize', scale=(1000, 600), keep_ratio=True),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackDetInputs'),
]
# The annotations come after Resize: the metric compares masks of the original size.
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(1000, 600), keep_ratio=True),
    dict(type='LoadAnnotations', with_bbox=True, with_mask=True),
    dict(type='PackDetInputs', meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor')),
]
sbd = dict(_delete_=True, type='mmseg_plugins.SBDInstanceDataset')
train_dataloader = dict(
    dataset=dict(**sbd, filter_cfg=dict(filter_empty_gt=True), pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(**sbd, test_mode=True, pipeline=test_pipeline))
test_dataloader = val_dataloader

# mAP^r at mask IoU .5 and .7, VOC 2007's 11-point AP.
val_evaluator = dict(_delete_=True, type='mmseg_plugins.InstanceVOCMetric', iou_thrs=(0.5, 0.7))
test_evaluator = val_evaluator

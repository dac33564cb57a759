# DecoupledNet on PASCAL VOC 2012 with SBD's label maps: what both stages share.  BGR minus the mean, windows resized to
# 350 x 350, of which 320 x 320 are cut and mirrored.
#   data/VOCdevkit/VOC2012/{JPEGImages,SegmentationClass,SegmentationClassAug,ImageSets/Segmentation}
_base_ = ['../../_base_/datasets/voc12aug_semantic.py', '../../_base_/runtime/semantic_runtime.py']

# ------------------------------------------------------------------ often changed
data_root = 'data/VOCdevkit/VOC2012/'
vgg16 = 'checkpoints/vgg16_caffe.pth'  # mmseg-plugins convert-weights vgg16-fcn makes it
num_classes = 21
side = 320

# -------------------------------------------------------------------- model
data_preprocessor = dict(
    type='SegDataPreProcessor',
    mean=[104.008, 116.669, 122.675],
    std=[1.0, 1.0, 1.0],
    pad_val=0,
    seg_pad_val=255,
    size=(side, side))
encoder = dict(type='mmseg_plugins.SegNetEncoder', with_norm=False, ceil_mode=False)
classifier = dict(type='mmseg_plugins.MultiLabelHead', num_classes=num_classes)

# --------------------------------------------------------------------- data
load = [dict(type='LoadImageFromFile'), dict(type='LoadAnnotations')]
cut = [
    dict(type='Resize', scale=(350, 350), keep_ratio=False),
    dict(type='RandomCrop', crop_size=(side, side)),
    dict(type='RandomFlip', prob=0.5),
]
train_cfg = dict(type='IterBasedTrainLoop')
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

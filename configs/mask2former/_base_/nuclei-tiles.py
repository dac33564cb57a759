# Cell nuclei, crops of 128 x 128 enlarged to 256 x 256, predicted on tiles of that size, for two CPU cores.
#
# A crop of 256 holds too many nuclei to be parted in a short training (NOTES.md, "The cause").  99 % of random crops of
# 128 px hold no more than 32 (median 5), and enlarged a nucleus measures 10 cells of the masks' map for 5.
_base_ = [
    '../../_base_/models/mask2former_r18-small.py',
    '../../_base_/datasets/nuclei_instance.py',
    '../../_base_/runtime/iters_runtime.py',
]

# ------------------------------------------------------------------ often changed
crop = (128, 128)  # of the original image
zoom = 2.0
tile = (256, 256)  # the enlarged crop
overlap = 96  # of tiles, in px of the enlarged image: 90 % of the nuclei measure up to 44 px of the original
max_per_img = 200  # up to 375 nuclei in an image; COCO's AP reads the best 100
num_queries = 50

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', with_bbox=True, with_mask=True),
    dict(type='RandomCrop', crop_size=crop, allow_negative_crop=True),
    dict(type='Resize', scale=tile, keep_ratio=True),
    dict(type='RandomFlip', prob=0.75, direction=['horizontal', 'vertical', 'diagonal']),
    dict(type='PackDetInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale_factor=zoom, keep_ratio=True),
    dict(type='LoadAnnotations', with_bbox=True, with_mask=True),
    dict(type='PackDetInputs', meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor')),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader

model = dict(
    type='mmseg_plugins.TiledMask2Former',
    tile=tile,
    overlap=overlap,
    max_per_img=max_per_img,
    panoptic_head=dict(num_queries=num_queries, num_things_classes=1, loss_cls=dict(class_weight=[1.0, 0.1])),
    panoptic_fusion_head=dict(num_things_classes=1),
    test_cfg=dict(max_per_image=num_queries))

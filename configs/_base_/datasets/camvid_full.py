# CamVid as the papers train and test on it: whole images of 360 x 480, no augmentation; tools/train.py validates on
# the 101 images of val, tools/test.py tests on the 233 of test.  A recipe that validates on test:
#   val_dataloader = dict(dataset=dict(data_prefix={{_base_.test_split}}))
_base_ = ['./camvid.py']

crop_size = (360, 480)
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='PackSegInputs'),
]
val_split = dict(img_path='img_dir/val', seg_map_path='ann_dir/val')
test_split = dict(img_path='img_dir/test', seg_map_path='ann_dir/test')

train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(data_prefix=val_split))
test_dataloader = dict(dataset=dict(data_prefix=test_split))

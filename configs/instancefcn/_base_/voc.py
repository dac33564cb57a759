# The paper's PASCAL VOC 2012 setting: SBD's masks of the VOC images (5,623 for
# training, 5,732 for validation) as COCO JSON files.
_base_ = './vgg16.py'

data_root = 'data/sbd/'
train_ann_file = 'annotations/instances_train.json'
val_ann_file = 'annotations/instances_val.json'
train_img_prefix = 'img/'
val_img_prefix = 'img/'

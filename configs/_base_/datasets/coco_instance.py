# Any COCO instance-segmentation set.  A config that inherits this one names
# its own data by the variables below and nothing else; load_config writes them
# into the loaders, the evaluators and num_classes of every head.
_base_ = ['mmdet::_base_/datasets/coco_instance.py']

data_root = 'data/coco/'
train_ann_file = 'annotations/instances_train2017.json'
val_ann_file = 'annotations/instances_val2017.json'
train_img_prefix = 'train2017/'
val_img_prefix = 'val2017/'
classes = None  # None: read from the training JSON, in its order

val_evaluator = dict(type='mmseg_plugins.FastCocoMetric')
test_evaluator = dict(type='mmseg_plugins.FastCocoMetric')

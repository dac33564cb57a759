# Instances of generated shapes, without training and without classes: no schedule and no optimizer, so the config can be
# tested and nothing else.
_base_ = ['../../_base_/datasets/shapes_instance.py', '../../_base_/runtime/iters_runtime.py']

val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
train_cfg = None
optim_wrapper = None
val_evaluator = dict(ignore_classes=True)
test_evaluator = dict(ignore_classes=True)

preprocessor = dict(type='DetDataPreprocessor', pad_mask=True)  # the image's own values: no mean, no std

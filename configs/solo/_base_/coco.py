# COCO as the original trains on it: short side 800, long side at most 1333, two
# images on each of eight cards.
_base_ = ['../../_base_/datasets/coco_instance.py', '../../_base_/default_runtime.py']

train_dataloader = dict(batch_size=2)
auto_scale_lr = dict(enable=False, base_batch_size=16)

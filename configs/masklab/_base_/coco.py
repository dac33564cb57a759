# MaskLab on COCO: everything but the components that the leaf configs add.
# The authors name neither batch nor schedule; these are mmdet's: SGD 0.02 for 16 images, 24 epochs, short side 800.
_base_ = [
    './r101.py',
    '../../_base_/datasets/coco_instance.py',
    'mmdet::_base_/schedules/schedule_2x.py',
    '../../_base_/runtime/default_runtime.py',
]

train_dataloader = dict(batch_size=1)
optim_wrapper = dict(optimizer=dict(lr=0.01))  # 8 GPUs x 1 image
auto_scale_lr = dict(enable=False, base_batch_size=8)
default_hooks = dict(checkpoint=dict(save_best='coco/segm_mAP', rule='greater'))

# The original's schedule on COCO: 8 GPUs with one image each, 8 epochs over all images and their mirror images, that is
# about 240k iterations, x0.1 at two thirds.  The released 5e-4 a GPU with summed gradients are 4e-3 for their mean.

# ------------------------------------------------------------------ often changed
base_lr = 0.004  # for 8 images a step; --auto-scale-lr for other numbers
max_iters = 240000
milestones = [160000]

train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters, val_interval=20000)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=base_lr, momentum=0.9, weight_decay=5e-4),
    paramwise_cfg=dict(
        bias_decay_mult=0.0,
        custom_keys={
            'score_maps.conv.weight': dict(lr_mult=3.0),
            'score_maps.conv.bias': dict(lr_mult=3.0, decay_mult=0.0),
        }))
param_scheduler = [
    dict(type='ConstantLR', factor=0.1, by_epoch=False, begin=0, end=250),
    dict(type='MultiStepLR', by_epoch=False, milestones=milestones, gamma=0.1),
]
auto_scale_lr = dict(enable=False, base_batch_size=8)

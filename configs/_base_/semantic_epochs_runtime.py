# The runtime of label-map recipes that count epochs: mmseg's scope, the best
# checkpoint by mean IoU.
_base_ = ['./default_runtime.py']

default_scope = 'mmseg'
visualizer = dict(
    _delete_=True, type='SegLocalVisualizer', vis_backends=[dict(type='LocalVisBackend')], name='visualizer')
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
default_hooks = dict(
    visualization=dict(_delete_=True, type='SegVisualizationHook'),
    checkpoint=dict(by_epoch=True, interval=10, save_best='mIoU', rule='greater'),
    logger=dict(interval=20))

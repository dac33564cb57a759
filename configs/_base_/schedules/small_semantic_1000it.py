# The small budget for label maps, in mmseg: 1,000 iterations from scratch on two
# CPU cores, as for instances, and the best checkpoint by mean IoU.
_base_ = ['./small_1000it.py']

default_scope = 'mmseg'
visualizer = dict(
    _delete_=True, type='SegLocalVisualizer', vis_backends=[dict(type='LocalVisBackend')], name='visualizer')
default_hooks = dict(
    visualization=dict(_delete_=True, type='SegVisualizationHook'),
    checkpoint=dict(save_best='mIoU', rule='greater'))

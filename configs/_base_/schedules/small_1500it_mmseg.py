# The small budget on generated shapes for mmseg's models: scope, visualizer and
# the number by which the best checkpoint is kept.
_base_ = ['./small_1500it.py']

default_scope = 'mmseg'
visualizer = dict(_delete_=True, type='SegLocalVisualizer', vis_backends=[dict(type='LocalVisBackend')],
                  name='visualizer')
default_hooks = dict(
    visualization=dict(_delete_=True, type='SegVisualizationHook'),
    checkpoint=dict(save_best='mIoU', rule='greater'))

# The runtime of label maps in mmseg, counted in iterations: log, validate and
# keep checkpoints by iteration, and the best one by mean IoU.
_base_ = ['./default_runtime.py']

default_scope = 'mmseg'
visualizer = dict(
    _delete_=True, type='SegLocalVisualizer', vis_backends=[dict(type='LocalVisBackend')], name='visualizer')
log_processor = dict(by_epoch=False)
default_hooks = dict(
    visualization=dict(_delete_=True, type='SegVisualizationHook'),
    checkpoint=dict(by_epoch=False, interval=5000, save_best='mIoU', rule='greater'),
    logger=dict(log_metric_by_epoch=False))
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

# The runtime of label maps in mmseg, counted in iterations: log, validate and keep checkpoints by iteration, and the
# best one by mean IoU.  The extras are those of default_runtime.py.
_base_ = ['mmdet::_base_/default_runtime.py']

custom_imports = dict(imports=['mmseg_plugins.activate'], allow_failed_imports=False)
runner_type = 'mmseg_plugins.SafeRunner'
data_check = compatibility_check = finite_loss = padding_check = run_report = progress = True
env_cfg = dict(mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0))
randomness = dict(seed=0)

default_scope = 'mmseg'
visualizer = dict(
    _delete_=True, type='SegLocalVisualizer', vis_backends=[dict(type='LocalVisBackend')], name='visualizer')
log_processor = dict(by_epoch=False)
default_hooks = dict(
    visualization=dict(_delete_=True, type='SegVisualizationHook'),
    checkpoint=dict(
        type='mmseg_plugins.SafeCheckpointHook',
        by_epoch=False,
        interval=500,
        max_keep_ckpts=2,
        save_best='mIoU',
        rule='greater'),
    logger=dict(interval=20, log_metric_by_epoch=False))

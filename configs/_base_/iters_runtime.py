# The default runtime for runs counted in iterations: log, validate and keep
# checkpoints by iteration, and the best one by mask AP.
_base_ = ['./default_runtime.py']

log_processor = dict(by_epoch=False)
default_hooks = dict(
    checkpoint=dict(by_epoch=False, interval=300, save_best='coco/segm_mAP', rule='greater'),
    logger=dict(interval=20, log_metric_by_epoch=False))

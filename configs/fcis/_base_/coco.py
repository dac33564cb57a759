# The original's setting on COCO.
_base_ = [
    './dc5.py',
    './coco_600.py',
    './schedule_240k.py',
    '../../_base_/runtime/iters_runtime.py',
]

default_hooks = dict(checkpoint=dict(interval=20000), logger=dict(interval=50))

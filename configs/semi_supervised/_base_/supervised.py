# Labels alone: mmseg's FPN head on EfficientNet-Lite0 with ImageNet weights, batches of four labeled crops.
_base_ = [
    '../../_base_/models/fpn_lite0_small.py',
    '../../_base_/runtime/semantic_runtime.py',
    './camvid_share.py',
    './schedule_1000it.py',
]

model = dict(data_preprocessor=dict(size={{_base_.crop_size}}))
default_hooks = dict(checkpoint=dict(interval=50))

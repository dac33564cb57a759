# mmseg's FPN head on EfficientNet-Lite0 with ImageNet weights from a package, on CamVid in the common small budget.
#   python tools/train.py configs/efficientnet/fpn_lite0_1000it-crop224_camvid.py
# Measured numbers: configs/efficientnet/README.md.
_base_ = [
    '../_base_/models/fpn_lite0_small.py',
    '../_base_/datasets/camvid.py',
    '../_base_/schedules/small_1000it.py',
    '../_base_/runtime/semantic_runtime.py',
]

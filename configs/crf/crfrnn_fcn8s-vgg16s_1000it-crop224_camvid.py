# CRF-RNN around FCN-8s on CamVid in the common small budget, everything from scratch
# and at once (the paper trains FCN-8s first), with the kernels of the paper.
#   python tools/train.py configs/crf/crfrnn_fcn8s-vgg16s_1000it-crop224_camvid.py
# Measured numbers: configs/crf/README.md.
_base_ = [
    '../fcn/_base_/fcn_small.py',
    '../_base_/datasets/camvid.py',
    '../_base_/schedules/small_1000it.py',
    '../_base_/runtime/semantic_runtime.py',
]

width = 16
fc_channels = 256

model = dict(
    decode_head=dict(
        _delete_=True,
        type='mmseg_plugins.CRFRNNHead',
        image_to_head=True,
        iterations=(5, 10),
        mean=[123.675, 116.28, 103.53],  # of the data preprocessor: the kernel of colors needs 0..255
        std=[58.395, 57.12, 57.375],
        crf=dict(alpha=160.0, beta=3.0, gamma=3.0),
        decode_head=dict(
            type='mmseg_plugins.FCNSkipHead',
            in_channels=[4 * width, 8 * width, fc_channels, 3],
            num_classes=11,
            padding=1,
            fc_padding=3,
            learn_sums=True,
            loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True))))

# SegNet-Basic with 16 channels on CamVid in the common small budget: four stages of
# one 7 x 7 convolution, no ReLU in the decoder.  The local response normalization is
# there, but pixels of the common setting are small, and it leaves them nearly as they are.
#   python tools/train.py configs/segnet/segnet-basic_16ch_1000it-crop224_camvid.py
# Measured numbers: configs/segnet/README.md.
_base_ = [
    './_base_/segnet_small.py',
    '../_base_/datasets/camvid.py',
    '../_base_/schedules/small_1000it.py',
    '../_base_/runtime/semantic_runtime.py',
]

width = 16
model = dict(
    backbone=dict(
        net=dict(
            _delete_=True,
            type='mmseg_plugins.SegNetEncoder',
            convs=(1, 1, 1, 1),
            channels=(width, ) * 4,
            kernel_size=7,
            lrn=dict(size=5, alpha=1e-4, beta=0.75))),
    decode_head=dict(
        in_channels=[width] * 5 + [3],
        in_index=[3, 4, 5, 6, 7, 8],
        widths=((width, ), ) * 4,
        kernel_size=7,
        classifier_kernel=1,
        act_cfg=None))

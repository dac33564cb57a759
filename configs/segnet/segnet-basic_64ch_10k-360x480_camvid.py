# SegNet-Basic on CamVid by the published recipe: local response normalization of the
# raw pixels, four stages of one 7 x 7 convolution with 64 channels, no ReLU in the
# decoder, a 1 x 1 classifier; SGD at .1 from scratch, 10,000 iterations.
#   python tools/train.py configs/segnet/segnet-basic_64ch_10k-360x480_camvid.py
# Not yet measured here.
_base_ = './_base_/segnet_camvid.py'

max_iters = 10000
base_lr = 0.1
val_interval = 1000
width = 64

norm_cfg = dict(type='BN', eps=1e-9)
model = dict(
    backbone=dict(
        net=dict(
            _delete_=True,
            type='mmseg_plugins.SegNetEncoder',
            convs=(1, 1, 1, 1),
            channels=(width, ) * 4,
            kernel_size=7,
            lrn=dict(size=5, alpha=1e-4, beta=0.75),
            norm_cfg=norm_cfg)),
    decode_head=dict(
        in_channels=[width] * 5 + [3],
        in_index=[3, 4, 5, 6, 7, 8],
        widths=((width, ), ) * 4,
        kernel_size=7,
        classifier_kernel=1,
        act_cfg=None))
train_cfg = dict(max_iters=max_iters, val_interval=val_interval)
optim_wrapper = dict(optimizer=dict(lr=base_lr))
default_hooks = dict(checkpoint=dict(interval=val_interval))

# SegNet as meetps' port has it: pools round down, batch norm (eps 1e-5) and ReLU stand
# after the last convolution, too.  mmseg-plugins convert-weights segnet-meetps converts
# its checkpoints to this config; their batch norm statistics are taken as they are.
#   python tools/train.py configs/segnet/segnet_vgg16-port_40k-360x480_camvid.py
# Not yet measured here.
_base_ = './_base_/segnet_camvid.py'

norm_cfg = dict(type='BN', eps=1e-5)
model = dict(
    backbone=dict(net=dict(ceil_mode=False, norm_cfg=norm_cfg)),
    decode_head=dict(last_norm_act=True, norm_cfg=norm_cfg))
custom_hooks = []

# FCN-8s on PASCAL VOC, all three streams trained at once from ImageNet weights.
# Paper: mean IU 65.4 on seg11valid.
# torchvision's VGG-16 (RGB) instead of Caffe's.
#   python tools/train.py configs/fcn/fcn8s-atonce_vgg16_300k_voc.py
# Not yet measured here.
_base_ = './_base_/voc.py'

base_lr = 1e-10  # of the summed loss

model = dict(
    backbone=dict(net=dict(init_cfg=dict(type='Pretrained', checkpoint='torchvision://vgg16'))),
    decode_head=dict(in_channels=[256, 512, 4096, 3], skip_scales=[0.0001, 0.01]))
optim_wrapper = dict(optimizer=dict(lr=base_lr))
train_cfg = dict(max_iters=300000)

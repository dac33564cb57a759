# DeepLab v1 LargeFOV: VGG-16, fc6 3 x 3 with dilation 12; batch 30, 6,000 steps, x0.1 every 2,000.
# Published: 62.25 mIoU on VOC val, 67.64 with the dense CRF (v2's paper; batch 30 is that row's, v1's text has 20).
# Start: torchvision's vgg16, RGB pixels; training without checkpoints/vgg16_largefov.pth names the command that makes it.
#   python tools/train.py configs/deeplab/deeplabv1_vgg16-largefov_6k-crop321_voc.py
# Not yet measured here.
_base_ = ['./_base_/vgg16.py', './_base_/voc_caffe.py']

train_dataloader = dict(batch_size=30)
train_cfg = dict(max_iters=6000, val_interval=1000)
param_scheduler = [dict(type='MultiStepLR', milestones=[2000, 4000], gamma=0.1, by_epoch=False)]

# GAN-SS: 1/8 of CamVid's labels, the other training images without theirs, and a generator of images.
#   python tools/train.py configs/semi_supervised/gan-ss_lite0-fpn-1of8_1000it-crop160_camvid.py
# Measured numbers: configs/semi_supervised/README.md.
_base_ = ['./_base_/generative.py']

train_dataloader = dict(dataset=dict(share=1 / 8))

# AdvSemiSeg: 1/2 of CamVid's labels, the other training images without theirs, and a discriminator of label maps.
#   python tools/train.py configs/semi_supervised/advsemiseg_lite0-fpn-1of2_1000it-crop160_camvid.py
# Measured numbers: configs/semi_supervised/README.md.
_base_ = ['./_base_/adversarial.py']

train_dataloader = dict(dataset=dict(share=1 / 2))

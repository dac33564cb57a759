# AdvSemiSeg: 1/4 of CamVid's labels, the other training images without theirs, and a discriminator of label maps.
#   python tools/train.py configs/semi_supervised/advsemiseg_lite0-fpn-1of4_1000it-crop160_camvid.py
# Measured numbers: configs/semi_supervised/README.md.
_base_ = ['./_base_/adversarial.py']

train_dataloader = dict(dataset=dict(share=1 / 4))

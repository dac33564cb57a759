# FPN head on EfficientNet-Lite0, trained on 1/2 of CamVid's labels alone: what unlabeled images must beat.
#   python tools/train.py configs/semi_supervised/fpn_lite0-1of2_1000it-crop160_camvid.py
# Measured numbers: configs/semi_supervised/README.md.
_base_ = ['./_base_/supervised.py']

train_dataloader = dict(dataset=dict(share=1 / 2))

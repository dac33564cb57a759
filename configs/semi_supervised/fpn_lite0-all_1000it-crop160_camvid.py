# FPN head on EfficientNet-Lite0, trained on all of CamVid's labels in the setting of the rows with few.
#   python tools/train.py configs/semi_supervised/fpn_lite0-all_1000it-crop160_camvid.py
# Measured numbers: configs/semi_supervised/README.md.
_base_ = ['./_base_/supervised.py']

train_dataloader = dict(dataset=dict(share=1.0))

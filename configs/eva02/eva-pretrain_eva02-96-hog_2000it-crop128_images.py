# A small EVA-02 learns from images of nuclei and of CamVid without their labels: it predicts histograms of gradients.
#   python tools/train.py configs/eva02/eva-pretrain_eva02-96-hog_2000it-crop128_images.py
# Not yet measured here.
_base_ = './_base_/pretrain.py'

model = dict(target=dict(type='mmseg_plugins.HOGTargets', patch_size=16))

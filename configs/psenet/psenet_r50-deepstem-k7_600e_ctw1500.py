# PSENet on CTW1500 with the released code's ResNet-50 (three 3x3 convolutions in
# the stem, 128 channels after it): what mmseg-plugins convert-weights psenet-official
# converts to.  Trained from scratch unless model.backbone.init_cfg names a file.
#   tools/dist_train.sh configs/psenet/psenet_r50-deepstem-k7_600e_ctw1500.py 4
# Not yet measured here.
_base_ = './_base_/ctw1500.py'

model = dict(backbone=dict(deep_stem=True, stem_channels=128, init_cfg=None))

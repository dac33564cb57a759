# FC-DenseNet56 on CamVid, first part of the published recipe: crops of 224 x 224.
# 1.38 M parameters.  On a GPU with little memory: model.backbone.with_cp=True
# model.decode_head.with_cp=True.
#   python tools/train.py configs/fc_densenet/fc-densenet_56_750e-crop224_camvid.py
# Not yet measured here.
_base_ = ['./_base_/fc_densenet56.py', './_base_/recipe_750e.py']

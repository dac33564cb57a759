# SegNet on generated shapes with 5 masks for each class and nothing else, next to DecoupledNet.
#   python tools/train.py configs/decouplednet/segnet_vgg16s-5masks_400it_shapes.py
# Not yet measured here.
_base_ = './_base_/shapes_masks.py'

train_dataloader = dict(dataset=dict(ann_file='few/5.json'))

# DecoupledNet on generated shapes with 10 masks for each class, after the first stage.
#   python tools/train.py configs/decouplednet/decouplednet_vgg16s-10masks_400it_shapes.py
# Not yet measured here.
_base_ = './_base_/shapes_decoder.py'

train_dataloader = dict(dataset=dict(ann_file='few/10.json'))

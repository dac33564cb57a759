# Class weights of 367 label maps, made by
#   mmseg-plugins class-weights configs/_base_/datasets/camvid.py --out-file configs/_base_/datasets/camvid_class_weights.py
# Classes: sky, building, pole, road, pavement, tree, sign symbol, fence, car, pedestrian, bicyclist.
# List this file in _base_ and write class_weight={{_base_.NAME}}.
median_frequency_weights = [
    0.279298, 0.201729, 4.78652, 0.149018, 1, 0.4217, 3.84668, 1.97359, 0.78894, 6.37472, 8.85873
]
enet_weights = [
    5.79203, 4.44029, 34.0217, 3.4469, 15.9119, 9.02024, 32.0138, 32.4789, 13.2071, 38.3877, 44.1345
]
linknet_weights = [
    2.27477, 1.77845, 20.0852, 1.42228, 6.67144, 3.53308, 18.0237, 18.4834, 5.35581, 25.3775, 34.729
]

# Panoptic maps of two models: things of MaskLab, stuff of the four-level Mask2Former of the shapes.
# Training gives the instance model; the weights of configs/quickstart/masklab_lite0-panetfpn_640it_shapes.py fit, too.
#   python tools/train.py configs/panoptic/merge_masklab-lite0-mask2former_600it_shapes.py
#   python tools/test.py configs/panoptic/merge_masklab-lite0-mask2former_600it_shapes.py INSTANCE_CHECKPOINT \
#       --cfg-options post_process.checkpoint=SEMANTIC_CHECKPOINT
# Measured numbers: configs/panoptic/README.md.
_base_ = ['../_base_/models/masklab_lite0-small_panetfpn.py', './_base_/shapes.py']

post_process = _base_.panoptic_merge
val_evaluator = _base_.val_evaluator[-1:]  # the instance model alone is validated
default_hooks = dict(checkpoint=dict(save_best='coco/segm_mAP', rule='greater'))
model = dict(
    roi_head=dict(bbox_head=dict(num_classes=_base_.num_things), mask_head=dict(num_classes=_base_.num_things)))

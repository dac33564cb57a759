# MaskLab's masks under the small Mask R-CNN with FPN, on generated shapes: both kinds of logits, 4 distance bins,
# refinement.
#   python tools/train.py configs/masklab/masklab_r18-fpn-refine_1500it_shapes.py
# Not yet measured here.
_base_ = [
    './_base_/r18-small-fpn.py',
    '../_base_/datasets/shapes_instance.py',
    '../_base_/schedules/small_1500it.py',
    '../_base_/runtime/iters_runtime.py',
]

model = dict(roi_head=dict(bbox_head=dict(num_classes=5), mask_head=dict(num_classes=5)))

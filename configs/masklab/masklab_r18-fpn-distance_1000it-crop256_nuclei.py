# MaskLab's masks under the small Mask R-CNN with FPN, on cell nuclei: both kinds of logits, 4 distance bins, coarse
# masks without refinement.
#   python tools/train.py configs/masklab/masklab_r18-fpn-distance_1000it-crop256_nuclei.py
# Not yet measured here.
_base_ = ['./_base_/nuclei.py', '../_base_/schedules/small_1000it.py']

model = dict(roi_head=dict(mask_head=dict(refine=None)))

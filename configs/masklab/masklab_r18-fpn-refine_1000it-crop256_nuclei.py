# MaskLab's masks under the small Mask R-CNN with FPN, on cell nuclei: both kinds of logits, 4 distance bins, refinement.
#   python tools/train.py configs/masklab/masklab_r18-fpn-refine_1000it-crop256_nuclei.py
# Measured numbers: configs/masklab/README.md.
_base_ = ['./_base_/nuclei.py', '../_base_/schedules/small_1000it.py']

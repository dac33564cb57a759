# PANet ablation on cell nuclei, rung 0: Mask R-CNN with the same pyramid, heads and schedule, without any component.
#   python tools/train.py configs/panet/mask-rcnn_r18-gnfpn_1000it-crop256_nuclei.py
# Measured numbers: configs/panet/README.md.
_base_ = ['./_base_/nuclei.py', '../_base_/schedules/small_1000it.py']

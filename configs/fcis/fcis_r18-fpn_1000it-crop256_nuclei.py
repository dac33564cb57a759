# FCIS on cell nuclei, whole: joint score maps, 7 x 7 groups, OHEM, two passes.
#   python tools/train.py configs/fcis/fcis_r18-fpn_1000it-crop256_nuclei.py
# Measured numbers: configs/fcis/README.md.
_base_ = ['./_base_/nuclei.py', '../_base_/schedules/small_1000it.py']

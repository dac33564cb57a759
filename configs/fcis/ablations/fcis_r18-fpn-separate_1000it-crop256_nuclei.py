# FCIS ablation on cell nuclei: score maps for class and mask apart, instead of the joint inside/outside pair.
#   python tools/train.py configs/fcis/ablations/fcis_r18-fpn-separate_1000it-crop256_nuclei.py
# Not yet measured here.
_base_ = ['../_base_/nuclei.py', '../../_base_/schedules/small_1000it.py']

model = dict(roi_head=dict(separate_maps=True))

# FCIS ablation on cell nuclei: one group (k = 1), so that the score maps are translation invariant.
#   python tools/train.py configs/fcis/ablations/fcis_r18-fpn-k1_1000it-crop256_nuclei.py
# Not yet measured here.
_base_ = ['../_base_/nuclei.py', '../../_base_/schedules/small_1000it.py']

model = dict(roi_head=dict(group_size=1))

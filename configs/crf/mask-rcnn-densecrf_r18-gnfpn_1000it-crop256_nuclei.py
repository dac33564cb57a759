# The same line after an instance model: each mask is refined inside its own box.
# The training is that of configs/panet/mask-rcnn_r18-gnfpn_1000it-crop256_nuclei.py.
#   python tools/train.py configs/crf/mask-rcnn-densecrf_r18-gnfpn_1000it-crop256_nuclei.py
#   python tools/test.py configs/crf/mask-rcnn-densecrf_r18-gnfpn_1000it-crop256_nuclei.py CHECKPOINT
# Not yet measured.
_base_ = ['../panet/_base_/nuclei.py', '../_base_/schedules/small_1000it.py']

post_process = dict(
    type='mmseg_plugins.DenseCRFPostProcess', preset='pydensecrf', params=dict(bilateral_sxy=20, iterations=5))

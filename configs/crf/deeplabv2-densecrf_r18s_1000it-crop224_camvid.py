# DeepLab v2 on CamVid in the common small budget with the dense CRF after it, with
# the values of kazuto1011's port: tested with the weights of
# configs/deeplab/deeplabv2_r18s_1000it-crop224_camvid.py.
#   python tools/test.py configs/crf/deeplabv2-densecrf_r18s_1000it-crop224_camvid.py CHECKPOINT
# Measured numbers: configs/crf/README.md.
_base_ = [
    '../deeplab/_base_/r18s_small.py',
    '../_base_/datasets/camvid.py',
    '../_base_/schedules/small_1000it.py',
    '../_base_/runtime/semantic_runtime.py',
]

post_process = dict(type='mmseg_plugins.DenseCRFPostProcess', preset='deeplabv2-r101')
model = dict(backbone=dict(stem_channels=24, base_channels=24), decode_head=dict(in_channels=192))

# FCN-8s on CamVid in the common small budget with ConvCRF, the fast approximation,
# after it; the training is that of configs/fcn/fcn8s_vgg16s_1000it-crop224_camvid.py.
#   python tools/train.py configs/crf/fcn8s-convcrf_vgg16s_1000it-crop224_camvid.py
#   python tools/test.py configs/crf/fcn8s-convcrf_vgg16s_1000it-crop224_camvid.py CHECKPOINT
# Measured numbers: configs/crf/README.md.
_base_ = [
    '../fcn/_base_/fcn_small.py',
    '../_base_/datasets/camvid.py',
    '../_base_/schedules/small_1000it.py',
    '../_base_/runtime/semantic_runtime.py',
]

post_process = dict(type='mmseg_plugins.ConvCRFPostProcess')

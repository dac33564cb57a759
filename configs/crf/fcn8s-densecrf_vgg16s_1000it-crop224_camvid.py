# FCN-8s on CamVid in the common small budget with a dense CRF after it: the training
# is that of configs/fcn/fcn8s_vgg16s_1000it-crop224_camvid.py, whose checkpoints are
# tested here as well.  The line works in any config.
#   python tools/train.py configs/crf/fcn8s-densecrf_vgg16s_1000it-crop224_camvid.py
#   python tools/test.py configs/crf/fcn8s-densecrf_vgg16s_1000it-crop224_camvid.py CHECKPOINT
# Measured numbers: configs/crf/README.md.
_base_ = [
    '../fcn/_base_/fcn_small.py',
    '../_base_/datasets/camvid.py',
    '../_base_/schedules/small_1000it.py',
    '../_base_/runtime/semantic_runtime.py',
]

post_process = dict(type='mmseg_plugins.DenseCRFPostProcess', preset='deeplabv2-vgg16')

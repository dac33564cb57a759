# DeepLab v1 LargeFOV on CamVid in the common small budget with a dense CRF after it, by
# the values of v1's script (50, 3, 5); those of LargeFOV's page are deeplabv1-largefov.
# Tested with the weights of
# configs/deeplab/deeplabv1_vgg16s-largefov_1000it-crop224_camvid.py.
#   python tools/test.py configs/crf/deeplabv1-densecrf_vgg16s-largefov_1000it-crop224_camvid.py CHECKPOINT
# Measured numbers: configs/crf/README.md.
_base_ = [
    '../deeplab/_base_/vgg16s_small.py',
    '../_base_/datasets/camvid.py',
    '../_base_/schedules/small_1000it.py',
    '../_base_/runtime/semantic_runtime.py',
]

post_process = dict(type='mmseg_plugins.DenseCRFPostProcess', preset='deeplabv1')

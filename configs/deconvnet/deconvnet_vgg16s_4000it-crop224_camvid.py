# DeconvNet on CamVid in the long small budget, from scratch.  Of 1e-3 and the
# long recipes' 5e-3 a held-out tenth of the training images prefers 1e-3 after 400 iterations (docs/training.md).
#   python tools/train.py configs/deconvnet/deconvnet_vgg16s_4000it-crop224_camvid.py
# Measured numbers: configs/deconvnet/README.md.
_base_ = [
    './_base_/deconvnet_small.py',
    '../_base_/datasets/camvid.py',
    '../_base_/schedules/scratch_4000it.py',
    '../_base_/runtime/semantic_runtime.py',
]

optim_wrapper = dict(optimizer=dict(lr=1e-3))

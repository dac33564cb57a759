# Bayesian SegNet on CamVid in the common small budget: dropout of one half after the
# three deepest encoders and decoders.  Validation is one pass without dropout; with 20
# random passes and an uncertainty (20 times as long):
#   python tools/train.py configs/segnet/bayesian-segnet_vgg16s_1000it-crop224_camvid.py
#   python tools/test.py configs/segnet/bayesian-segnet_vgg16s_1000it-crop224_camvid.py CHECKPOINT \
#       --cfg-options model.test_cfg.samples=20
# Measured numbers: configs/segnet/README.md.
_base_ = [
    './_base_/segnet_small.py',
    '../_base_/datasets/camvid.py',
    '../_base_/schedules/small_1000it.py',
    '../_base_/runtime/semantic_runtime.py',
]

model = dict(
    type='mmseg_plugins.BayesianEncoderDecoder',
    backbone=dict(net=dict(dropout=0.5, dropout_stages=(3, 4, 5))),
    decode_head=dict(dropout=0.5, dropout_blocks=(3, 4, 5)),
    test_cfg=dict(samples=0))

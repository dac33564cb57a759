# Bayesian SegNet on CamVid by the published recipe: dropout of one half after the
# three deepest encoders and decoders, also when it is tested: the mean of 50 random
# passes, and an uncertainty next to it.  60,000 iterations at .001 from VGG16.
#   mmseg-plugins convert-weights vgg16-segnet vgg16-397923af.pth checkpoints/vgg16_encoder.pth
#   python tools/train.py configs/segnet/bayesian-segnet_vgg16_60k-360x480_camvid.py
# Paper row: Bayesian SegNet, CamVid test.  Not yet measured here.
_base_ = './_base_/segnet_camvid.py'

max_iters = 60000
val_interval = 10000
samples = 50  # random passes an image; 0 is one pass without dropout

model = dict(
    type='mmseg_plugins.BayesianEncoderDecoder',
    backbone=dict(net=dict(dropout=0.5, dropout_stages=(3, 4, 5))),
    decode_head=dict(dropout=0.5, dropout_blocks=(3, 4, 5)),
    test_cfg=dict(samples=samples))
train_cfg = dict(max_iters=max_iters, val_interval=val_interval)
default_hooks = dict(checkpoint=dict(interval=val_interval))

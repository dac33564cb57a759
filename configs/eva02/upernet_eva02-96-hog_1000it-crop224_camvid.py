# UperNet on a small EVA-02 that has learned histograms of gradients, on CamVid.
#   python tools/train.py configs/eva02/eva-pretrain_eva02-96-hog_2000it-crop128_images.py
#   python tools/train.py configs/eva02/upernet_eva02-96-hog_1000it-crop224_camvid.py
# Measured numbers: configs/eva02/README.md.
_base_ = './_base_/camvid.py'

model = dict(
    backbone=dict(
        init_cfg=dict(
            type='Pretrained',
            checkpoint='work_dirs/eva-pretrain_eva02-96-hog_2000it-crop128_images/iter_2000.pth',
            prefix='backbone.')))

# Mask R-CNN on a small EVA-02 that has learned histograms of gradients, on cell nuclei.
#   python tools/train.py configs/eva02/eva-pretrain_eva02-96-hog_2000it-crop128_images.py
#   python tools/train.py configs/eva02/mask-rcnn_eva02-96-sfp-hog_1000it-crop256_nuclei.py
# Measured numbers: configs/eva02/README.md.
_base_ = './_base_/nuclei.py'

model = dict(
    backbone=dict(
        init_cfg=dict(
            type='Pretrained',
            checkpoint='work_dirs/eva-pretrain_eva02-96-hog_2000it-crop128_images/iter_2000.pth',
            prefix='backbone.')))

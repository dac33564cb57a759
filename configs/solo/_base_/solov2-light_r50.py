# SOLOv2's light head, ResNet-50: two convolutions of 256 channels, 128 mask features,
# scale ranges for images of about 448 x 768.
_base_ = ['./solov2_r50.py']

model = dict(
    mask_head=dict(
        stacked_convs=2,
        feat_channels=256,
        scale_ranges=((1, 56), (28, 112), (56, 224), (112, 448), (224, 896)),
        mask_feature_head=dict(out_channels=128)))

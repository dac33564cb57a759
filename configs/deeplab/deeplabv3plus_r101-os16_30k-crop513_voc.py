# DeepLab v3+: v3 with a decoder on stage 1's map and separable convolutions; stock DepthwiseSeparableASPPHead.
#   tools/dist_train.sh configs/deeplab/deeplabv3plus_r101-os16_30k-crop513_voc.py 4
# Not yet measured here.
_base_ = ['./_base_/r101_aspp.py', './_base_/voc_513.py']

model = dict(
    decode_head=dict(type='DepthwiseSeparableASPPHead', c1_in_channels=256, c1_channels=48))

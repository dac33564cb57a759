# SegNet on CamVid by the published recipe: VGG16 encoder from ImageNet, SGD at .001,
# 40,000 iterations of 4 whole images.
#   mmseg-plugins convert-weights vgg16-segnet vgg16-397923af.pth checkpoints/vgg16_encoder.pth
#   python tools/train.py configs/segnet/segnet_vgg16_40k-360x480_camvid.py
# Paper row: SegNet, CamVid test.  Not yet measured here.
_base_ = './_base_/segnet_camvid.py'

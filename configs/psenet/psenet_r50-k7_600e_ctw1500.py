# PSENet on CTW1500, 7 kernels, from torchvision's ResNet-50.
#   tools/dist_train.sh configs/psenet/psenet_r50-k7_600e_ctw1500.py 4
# Not yet measured here.
_base_ = './_base_/ctw1500.py'

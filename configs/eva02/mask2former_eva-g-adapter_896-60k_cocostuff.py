# EVA-g with ViT-Adapter under Mask2Former on COCO-Stuff 164k, crops of 896 px, a batch of 32.
# Original, COCO-Stuff 164k val, one scale: mIoU 53.4.
#   tools/dist_train.sh configs/eva02/mask2former_eva-g-adapter_896-60k_cocostuff.py 8
# Not yet measured here.
_base_ = './_base_/cocostuff.py'

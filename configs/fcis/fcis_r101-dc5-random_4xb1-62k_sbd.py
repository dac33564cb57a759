# FCIS, the paper's setting on PASCAL VOC (SBD).  Paper: mAP^r 65.7 at IoU .5, 52.1 at .7; released code: 66.0, 51.9.
#   tools/dist_train.sh configs/fcis/fcis_r101-dc5-random_4xb1-62k_sbd.py 4
# Converted weights of the original run under it (mmseg-plugins convert-weights fcis-msracver).
# Not yet measured here.
_base_ = './_base_/sbd.py'

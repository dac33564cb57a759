# FCIS on COCO with RoIs drawn at random instead of OHEM.  Paper: mask AP 28.8, AP50 48.7 (test-dev).
#   tools/dist_train.sh configs/fcis/fcis_r101-dc5-random_8xb1-240k_coco.py 8
# Not yet measured here.
_base_ = './_base_/coco.py'

model = dict(
    train_cfg=dict(
        rcnn=dict(
            sampler=dict(
                _delete_=True, type='mmseg_plugins.PaddedRandomSampler', num=128, pos_fraction=0.25))))

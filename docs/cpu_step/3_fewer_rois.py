# + 64 RoIs per image.
_base_ = './2_fewer_proposals.py'
model = dict(train_cfg=dict(rcnn=dict(sampler=dict(num=64))))

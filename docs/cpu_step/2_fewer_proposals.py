# + 200 boxes into each NMS, 100 proposals per image.
_base_ = './1_fused_adamw.py'
model = dict(train_cfg=dict(rpn=dict(sampler=dict(num=128)), rpn_proposal=dict(nms_pre=200, max_per_img=100)))

# + 400 boxes into each NMS, 200 proposals an image.
_base_ = './1_fused_adamw.py'
model = dict(train_cfg=dict(rpn=dict(sampler=dict(num=128)), rpn_proposal=dict(nms_pre=400, max_per_img=200)))

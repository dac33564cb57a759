# Mask R-CNN, ResNet-50-C4: one map of stride 16, where an operator's rounding
# shows most, as in the paper's ablation (table 2c).  mmdet's configuration with
# the extractor, which takes any operator, the backbone file, the shared head,
# which starts from that file, too, and the paper's training (from memory, not
# checked): 64 RoIs of an image, 160k iterations of 16 images, x0.1 at 120k, 300
# proposals in the test, where mmdet has 512, 90k and 1,000.
# The leaf configs name the operator and nothing else.
_base_ = [
    'mmdet::_base_/models/mask-rcnn_r50-caffe-c4.py',
    '../../_base_/datasets/coco_instance.py',
    '../../_base_/runtime/iters_runtime.py',
]

# ------------------------------------------------------------------ often changed
# ResNet-50 of detectron2's kind (BGR input without division, stride on the first
# convolution of a bottleneck) under mmdet's keys, a local file with all stages:
# layer4 goes to the shared head, made from Detectron's R-50.pkl:
#   mmseg-plugins convert-weights resnet50-caffe R-50.pkl checkpoints/resnet50_caffe.pth
# Another file:
#   --cfg-options model.backbone.init_cfg.checkpoint=PATH model.roi_head.shared_head.init_cfg.checkpoint=PATH
backbone_checkpoint = 'checkpoints/resnet50_caffe.pth'
base_lr = 0.02  # for 16 images a step; --auto-scale-lr for other numbers
max_iters = 160000
milestones = [120000]

# -------------------------------------------------------------------- model
pretrained = dict(type='Pretrained', checkpoint=backbone_checkpoint)
model = dict(
    backbone=dict(init_cfg=pretrained),
    roi_head=dict(
        # mmdet starts this stage of Mask R-CNN from random weights under frozen norms (its Faster R-CNN does not)
        shared_head=dict(init_cfg=pretrained),
        bbox_roi_extractor=dict(
            _delete_=True,
            type='mmseg_plugins.RoIOpExtractor',
            roi_layer=dict(type='RoIAlign', output_size=14, sampling_ratio=0),
            out_channels=1024,
            featmap_strides=[16])),
    train_cfg=dict(rcnn=dict(sampler=dict(num=64))),
    test_cfg=dict(rpn=dict(max_per_img=300)))

train_dataloader = dict(batch_size=2)

# ----------------------------------------------------------------- schedule
train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters, val_interval=10000)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(
    type='OptimWrapper', optimizer=dict(type='SGD', lr=base_lr, momentum=0.9, weight_decay=1e-4))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, by_epoch=False, begin=0, end=500),
    dict(type='MultiStepLR', by_epoch=False, milestones=milestones, gamma=0.1),
]
default_hooks = dict(checkpoint=dict(interval=10000), logger=dict(interval=50))
auto_scale_lr = dict(enable=False, base_batch_size=16)

# Mask R-CNN, ResNet-50-C4: one map of stride 16, where an operator's rounding
# shows most, as in the paper's ablation (table 2c).  mmdet's configuration with
# three changes: the extractor, which takes any operator, the backbone file, and
# the shared head, which starts from that file, too.
# The leaf configs name the operator and nothing else.
_base_ = [
    'mmdet::_base_/models/mask-rcnn_r50-caffe-c4.py',
    '../../_base_/datasets/coco_instance.py',
    'mmdet::_base_/schedules/schedule_1x.py',
    '../../_base_/runtime/default_runtime.py',
]

# ------------------------------------------------------------------ often changed
# ResNet-50 of detectron2's kind (BGR input without division, stride on the first
# convolution of a bottleneck) under mmdet's keys, a local file with all stages:
# layer4 goes to the shared head.  Another file:
#   --cfg-options model.backbone.init_cfg.checkpoint=PATH model.roi_head.shared_head.init_cfg.checkpoint=PATH
backbone_checkpoint = 'checkpoints/resnet50_caffe.pth'

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
            featmap_strides=[16])))

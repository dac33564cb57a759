# Label maps of the shapes in mmseg: its decode head wraps mmdet's Mask2Former head,
# and one query stands for all pixels of a class.
_base_ = [
    '../../_base_/models/mask2former_r18-small.py',
    '../../_base_/datasets/shapes_semantic.py',
    '../../_base_/schedules/small_1500it.py',
    '../../_base_/runtime/semantic_runtime.py',
]

num_classes = 7
small = _base_.model
model = dict(
    _delete_=True,
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=small.data_preprocessor.mean,
        std=small.data_preprocessor.std,
        bgr_to_rgb=True,
        size=(128, 128),
        seg_pad_val=255,
        test_cfg=dict(size_divisor=32)),
    backbone=small.backbone,
    decode_head=dict(
        small.panoptic_head,
        num_classes=num_classes,
        num_things_classes=num_classes,  # the same number for the data check: mmdet's head below knows things only
        loss_cls=dict(small.panoptic_head.loss_cls, class_weight=[1.0] * num_classes + [0.1]),
        train_cfg=small.train_cfg),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'))

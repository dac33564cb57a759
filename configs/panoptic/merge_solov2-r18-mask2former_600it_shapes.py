# Panoptic maps of two models: things of SOLOv2, stuff of the four-level Mask2Former of the shapes.
# Training gives the instance model; the weights of configs/solo/solov2_r18_1500it_shapes.py fit, too.
#   python tools/train.py configs/panoptic/merge_solov2-r18-mask2former_600it_shapes.py
#   python tools/test.py configs/panoptic/merge_solov2-r18-mask2former_600it_shapes.py INSTANCE_CHECKPOINT \
#       --cfg-options post_process.checkpoint=SEMANTIC_CHECKPOINT
# Measured numbers: configs/panoptic/README.md.
_base_ = ['../solo/_base_/r18-small.py', './_base_/shapes.py']

# SOLOv2's scores are low: on shapes of another seed (convert-data shapes --seed 7) PQ is 34 at .5, 48 at .3, 47 at .2.
post_process = dict(**_base_.panoptic_merge, score_thr=0.3)
val_evaluator = _base_.val_evaluator[-1:]  # the instance model alone is validated
default_hooks = dict(checkpoint=dict(save_best='coco/segm_mAP', rule='greater'))
model = dict(
    mask_head=dict(
        type='mmseg_plugins.SOLOV2Head',
        num_classes=_base_.num_things,
        num_grids=[20, 16, 12, 8],
        scale_ranges=((1, 24), (16, 40), (28, 64), (48, 2048)),
        min_mask_area=1,
        stacked_convs=3,
        mask_feature_head=dict(
            feat_channels=64,
            out_channels=64,
            start_level=0,
            end_level=3,
            mask_stride=2,
            norm_cfg=dict(type='GN', num_groups=16))))

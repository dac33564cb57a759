# FCIS ablation on cell nuclei: RoIs drawn at random, a quarter of them objects, instead of mined.
#   python tools/train.py configs/fcis/fcis_r18-fpn-random_1000it-crop256_nuclei.py
# Not yet measured here.
_base_ = ['./_base_/nuclei.py', '../_base_/schedules/small_1000it.py']

model = dict(
    train_cfg=dict(
        rcnn=dict(
            sampler=dict(
                _delete_=True,
                type='RandomSampler',
                num={{_base_.num_rois}},
                pos_fraction=0.25,
                add_gt_as_proposals=True))))

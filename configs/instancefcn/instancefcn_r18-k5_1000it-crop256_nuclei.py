# InstanceFCN on cell nuclei, 5 x 5 positions, windows on four levels.
#   python tools/train.py configs/instancefcn/instancefcn_r18-k5_1000it-crop256_nuclei.py
# Measured numbers: configs/instancefcn/README.md.
_base_ = [
    './_base_/r18-small.py',
    '../_base_/datasets/nuclei_instance.py',
    '../_base_/schedules/small_1000it.py',
    '../_base_/runtime/iters_runtime.py',
]

# Up to 375 nuclei in an image, several good windows each; AR@1000 reads the best 1,000.
model = dict(test_cfg=dict(nms_pre=4000, max_per_img=1000))

recall = dict(type='mmseg_plugins.MaskRecallMetric', metric=['segm', 'bbox'], proposal_nums=(10, 100, 1000))
val_evaluator = recall
test_evaluator = recall

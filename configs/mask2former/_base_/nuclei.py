# Cell nuclei, crops of 256 x 256, for two CPU cores.
_base_ = [
    '../../_base_/models/mask2former_r18-small.py',
    '../../_base_/datasets/nuclei_instance.py',
    '../../_base_/runtime/iters_runtime.py',
]

# ------------------------------------------------------------------ often changed
num_queries = 100  # 99 % of random 256 x 256 crops hold no more nuclei (median 18, at most about 200)

model = dict(
    panoptic_head=dict(num_queries=num_queries, num_things_classes=1, loss_cls=dict(class_weight=[1.0, 0.1])),
    panoptic_fusion_head=dict(num_things_classes=1),
    test_cfg=dict(max_per_image=num_queries))

# LinkNet on CamVid in the long small budget, from scratch.  Cross-entropy with
# LinkNet's class weights, 1 / ln(1.02 + p / max p): rare classes gain, mean IoU
# next to unweighted systems may not.
#   python tools/train.py configs/linknet/linknet_r18s_4000it-crop224_camvid.py
# Measured numbers: configs/linknet/README.md.
_base_ = [
    './_base_/linknet_small.py',
    '../_base_/datasets/camvid.py',
    '../_base_/datasets/camvid_class_weights.py',
    '../_base_/schedules/scratch_4000it.py',
    '../_base_/runtime/semantic_runtime.py',
]

model = dict(decode_head=dict(loss_decode=dict(class_weight={{_base_.linknet_weights}})))

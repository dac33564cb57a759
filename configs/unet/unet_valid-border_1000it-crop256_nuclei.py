# U-Net with its border weight map on cell nuclei, two classes, from scratch: an
# eighth of the paper's width, batch norm, mirrored margins.
#   python tools/train.py configs/unet/unet_valid-border_1000it-crop256_nuclei.py
# Not yet measured here.
_base_ = [
    './_base_/unet_small.py',
    '../_base_/datasets/nuclei_semantic.py',
    '../_base_/schedules/small_1000it.py',
    '../_base_/runtime/semantic_runtime.py',
]

model = dict(
    data_preprocessor=dict(size=(256, 256)),
    decode_head=dict(
        num_classes=2,
        loss_decode=dict(_delete_=True, type='mmseg_plugins.WeightedCrossEntropyLoss', normalizer='weights')))

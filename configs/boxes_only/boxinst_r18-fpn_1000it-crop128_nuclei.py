# BoxInst on cell nuclei: masks learned from boxes alone; mmdet's own detector with our small ResNet-18.
# Needs scikit-image (pip install scikit-image).
#   python tools/train.py configs/boxes_only/boxinst_r18-fpn_1000it-crop128_nuclei.py
# Measured numbers: configs/boxes_only/README.md.
_base_ = [
    './_base_/boxinst_small.py',
    '../_base_/datasets/nuclei_instance.py',
    '../_base_/schedules/small_1000it.py',
    '../_base_/runtime/iters_runtime.py',
]

# Each object has a map of its whole crop: in 16 crops of 128 these have a quarter of the cells of four crops of 256.
crop_size = (128, 128)

# The training reads no mask: the loading step has boxes only.
train_dataloader = dict(
    batch_size=16,
    dataset=dict(
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='LoadAnnotations', with_bbox=True),
            dict(type='RandomCrop', crop_size=crop_size, allow_negative_crop=True),
            dict(type='RandomFlip', prob=0.75, direction=['horizontal', 'vertical', 'diagonal']),
            dict(type='PackDetInputs'),
        ]))
model = dict(mask_head=dict(topk_masks_per_img=8))  # a crop of 128 holds five nuclei (median)

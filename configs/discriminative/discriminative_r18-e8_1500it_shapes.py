# Pixel embeddings with the discriminative loss, 8 channels, on generated shapes.
#   python tools/train.py configs/discriminative/discriminative_r18-e8_1500it_shapes.py
# Measured numbers: configs/discriminative/README.md.
_base_ = [
    './_base_/r18-small.py',
    '../_base_/datasets/shapes_instance.py',
    '../_base_/schedules/small_1500it.py',
    '../_base_/runtime/iters_runtime.py',
]

model = dict(mask_head=dict(num_classes=5))

# Pixel embeddings with the discriminative loss, 8 channels, on cell nuclei.
#   python tools/train.py configs/discriminative/discriminative_r18-e8_1000it-crop256_nuclei.py
# Measured numbers: configs/discriminative/README.md.
_base_ = [
    './_base_/r18-small.py',
    '../_base_/datasets/nuclei_instance.py',
    '../_base_/schedules/small_1000it.py',
    '../_base_/runtime/iters_runtime.py',
]

model = dict(mask_head=dict(coordinate_unit=6.0))  # px; nuclei measure 20 px, and their neighbors are as near

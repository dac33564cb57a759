# PSENet with 5 kernels on cell nuclei.
#   python tools/train.py configs/psenet/psenet_r18-k5_1000it-crop256_nuclei.py
# Measured numbers: configs/psenet/README.md.
_base_ = [
    './_base_/r18-small.py',
    '../_base_/datasets/nuclei_instance.py',
    '../_base_/schedules/small_1000it.py',
    '../_base_/runtime/iters_runtime.py',
]

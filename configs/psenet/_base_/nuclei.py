# Cell nuclei, crops of 256 x 256, for two CPU cores.
_base_ = [
    '../../_base_/datasets/nuclei_instance.py',
    '../../_base_/schedules/small_1000it.py',
    './r18-small.py',
]

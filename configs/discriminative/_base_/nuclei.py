# Cell nuclei, crops of 256 x 256, for two CPU cores.
_base_ = [
    '../../_base_/datasets/nuclei_instance.py',
    '../../_base_/schedules/small_1000it.py',
    './r18-small.py',
]

model = dict(mask_head=dict(coordinate_unit=6.0))  # px; nuclei measure 20 px, and their neighbours are as near

# Cell nuclei, crops of 256 x 256, for two CPU cores: what SOLO's variants share.
#
# SOLO's premise is that centers lie apart: more than 30 pixels for 98.3 % of COCO's
# objects (paper).  Nuclei are 20 pixels wide and touch: hence cells of 6 to 32 pixels on a
# crop (share of training objects whose center falls into the cell of another one of their
# level: 0.4, 0.0, 0.0, 0.0 %; with 16-pixel cells for the smallest it would be 7 %).
_base_ = [
    './r18-small.py',
    '../../_base_/datasets/nuclei_instance.py',
    '../../_base_/runtime/iters_runtime.py',
]

# ------------------------------------------------------------------ often changed
num_grids = [40, 28, 16, 8]  # cells along each side of a crop: 6.4, 9.1, 16 and 32 px
# Square root of the box's area, in px: 90 % of the nuclei measure 7 to 50, the median 20.
scale_ranges = ((1, 24), (16, 48), (32, 96), (64, 2048))
max_per_img = 200  # up to 375 nuclei in an image; COCO's AP reads the best 100
# The grids fit crops, the images measure up to 1040 x 1388: they are predicted tile by tile.
tile = (256, 256)
overlap = 64

model = dict(
    type='mmseg_plugins.TiledSOLO',
    tile=tile,
    overlap=overlap,
    mask_head=dict(
        num_classes=1, num_grids=num_grids, scale_ranges=scale_ranges, min_mask_area=1),  # the smallest count here
    test_cfg=dict(max_per_img=max_per_img))

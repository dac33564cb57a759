# The same network and weights as fc-densenet_g8_1000it-crop224_camvid.py, tested as the
# original is: each batch norm uses the statistics of the image at hand.  Not trained
# again:
#   python tools/test.py configs/fc_densenet/fc-densenet_g8-batch-statistics_1000it-crop224_camvid.py \
#       work_dirs/fc-densenet_g8_1000it-crop224_camvid/iter_1000.pth
# Measured numbers: configs/fc_densenet/README.md.
_base_ = [
    './_base_/fc_densenet_small.py',
    '../_base_/datasets/camvid.py',
    '../_base_/schedules/small_1000it.py',
    '../_base_/runtime/semantic_runtime.py',
]

model = dict(backbone=dict(batch_statistics=True), decode_head=dict(batch_statistics=True))

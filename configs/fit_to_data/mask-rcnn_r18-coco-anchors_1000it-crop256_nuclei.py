# A small Mask R-CNN on cell nuclei with COCO's anchors, finest_scale and limits: what a config gives that nobody fitted.
#   python tools/train.py configs/fit_to_data/mask-rcnn_r18-coco-anchors_1000it-crop256_nuclei.py
# Measured numbers: configs/fit_to_data/README.md.
_base_ = './_base_/nuclei.py'

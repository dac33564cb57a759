# Mask R-CNN on cell nuclei, trained on masks that GrabCut has cut out of the boxes.
#   mmseg-plugins grabcut data/nuclei/annotations/instances_train.json --images data/nuclei/train \
#       --out-file data/nuclei/annotations/grabcut_train.json
#   python tools/train.py configs/boxes_only/mask-rcnn_r18-grabcut_1000it-crop256_nuclei.py
# With the true masks: configs/panet/mask-rcnn_r18-gnfpn_1000it-crop256_nuclei.py.
# Measured numbers: configs/boxes_only/README.md.
_base_ = ['../panet/_base_/nuclei.py', '../_base_/schedules/small_1000it.py']

train_ann_file = 'annotations/grabcut_train.json'

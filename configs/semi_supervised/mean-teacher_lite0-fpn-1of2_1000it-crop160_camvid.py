# Mean teacher with CutMix: 1/2 of CamVid's labels, and the other training images without theirs.
#   python tools/train.py configs/semi_supervised/mean-teacher_lite0-fpn-1of2_1000it-crop160_camvid.py
# Measured numbers: configs/semi_supervised/README.md.
_base_ = ['./_base_/mean_teacher.py']

train_dataloader = dict(dataset=dict(share=1 / 2))

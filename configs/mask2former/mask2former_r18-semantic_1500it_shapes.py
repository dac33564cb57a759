# Mask2Former on generated shapes, semantic, in mmseg.
#   python tools/train.py configs/mask2former/mask2former_r18-semantic_1500it_shapes.py
# Measured numbers: configs/mask2former/README.md.
_base_ = './_base_/shapes-semantic.py'

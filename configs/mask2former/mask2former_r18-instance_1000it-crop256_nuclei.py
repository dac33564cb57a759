# Mask2Former on cell nuclei, instances.
#   python tools/train.py configs/mask2former/mask2former_r18-instance_1000it-crop256_nuclei.py
# Measured numbers: configs/mask2former/README.md.
_base_ = ['./_base_/nuclei.py', '../_base_/schedules/small_1000it.py']

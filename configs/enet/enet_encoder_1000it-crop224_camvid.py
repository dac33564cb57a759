# First of ENet's two stages on CamVid in the common small budget: the encoder alone,
# from scratch, with labels at stride 8.  Its scores are resized for the validation.
#   python tools/train.py configs/enet/enet_encoder_1000it-crop224_camvid.py
# Measured numbers: configs/enet/README.md.
_base_ = [
    './_base_/encoder.py',
    '../_base_/datasets/camvid.py',
    '../_base_/schedules/small_1000it.py',
    '../_base_/runtime/semantic_runtime.py',
]

model = dict(data_preprocessor=dict(size={{_base_.crop_size}}))

# Second of ENet's two stages on CamVid in the common small budget: the whole network,
# the encoder from the first stage, which has to be trained before:
#   python tools/train.py configs/enet/enet_encoder_1000it-crop224_camvid.py
#   python tools/train.py configs/enet/enet_two-stage_1000it-crop224_camvid.py
# Measured numbers: configs/enet/README.md.
_base_ = [
    './_base_/enet.py',
    '../_base_/datasets/camvid.py',
    '../_base_/schedules/small_1000it.py',
    '../_base_/runtime/semantic_runtime.py',
]

load_from = 'work_dirs/enet_encoder_1000it-crop224_camvid/iter_1000.pth'
custom_hooks = [
    dict(
        type='mmseg_plugins.LoadFromCheckHook',
        made_by='python tools/train.py configs/enet/enet_encoder_1000it-crop224_camvid.py',
        new=[r'decode_head\..*'],
        dropped=[r'decode_head\.encoder_score\..*'])
]

model = dict(data_preprocessor=dict(size={{_base_.crop_size}}))

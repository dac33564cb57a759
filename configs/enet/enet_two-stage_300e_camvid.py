# ENet on CamVid, the published recipe: second stage, the whole network, the encoder
# from the first stage, which has to be trained before.  Paper: CamVid test, mIoU 51.3
# (from memory, not checked).
#   python tools/train.py configs/enet/enet_encoder_300e_camvid.py
#   python tools/train.py configs/enet/enet_two-stage_300e_camvid.py
# Not yet measured here.
_base_ = ['./_base_/enet.py', './_base_/recipe_300e.py']

load_from = 'work_dirs/enet_encoder_300e_camvid/epoch_300.pth'
custom_hooks = [
    dict(
        type='mmseg_plugins.LoadFromCheckHook',
        made_by='python tools/train.py configs/enet/enet_encoder_300e_camvid.py',
        new=[r'decode_head\..*'],
        dropped=[r'decode_head\.encoder_score\..*'])
]

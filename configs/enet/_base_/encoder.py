# First stage of ENet: the encoder alone, scored and compared at stride 8.
_base_ = ['./enet.py']

model = dict(
    decode_head=dict(
        _delete_=True,
        type='mmseg_plugins.ENetEncoderHead',
        in_channels=128,
        num_classes=11,
        loss_decode={{_base_.model.decode_head.loss_decode}}))

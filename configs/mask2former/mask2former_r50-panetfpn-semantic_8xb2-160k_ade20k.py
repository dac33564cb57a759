# Mixing: semantic Mask2Former of mmseg on ADE20K whose pixel decoder reads PANet's bottom-up path.
# Without the path (mmseg::mask2former/mask2former_r50_8xb2-160k_ade20k-512x512.py) mmseg's table has mIoU 47.87.
#   tools/dist_train.sh configs/mask2former/mask2former_r50-panetfpn-semantic_8xb2-160k_ade20k.py 8
# Not yet measured here.
_base_ = ['mmseg::mask2former/mask2former_r50_8xb2-160k_ade20k-512x512.py']

custom_imports = dict(imports=['mmdet.models', 'mmseg_plugins'], allow_failed_imports=False)
runner_type = 'mmseg_plugins.SafeRunner'
default_hooks = dict(checkpoint=dict(type='mmseg_plugins.SafeCheckpointHook'))

model = dict(
    neck=dict(
        type='mmseg_plugins.PANetFPN',
        in_channels=[256, 512, 1024, 2048],
        out_channels=256,
        num_outs=4,  # strides 4..32, which the pixel decoder is set to
        norm_cfg=dict(type='GN', num_groups=32)),
    decode_head=dict(in_channels=[256, 256, 256, 256]))

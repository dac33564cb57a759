# Mixing: stock Mask2Former reads its four maps from PANetFPN instead of from the backbone.
#   tools/dist_train.sh configs/panet/examples/mask2former_r50-panetfpn_8xb2-lsj-50e_coco.py 8
# Not yet measured here.
_base_ = ['mmdet::mask2former/mask2former_r50_8xb2-lsj-50e_coco.py']

custom_imports = dict(imports=['mmseg_plugins.activate'], allow_failed_imports=False)
runner_type = 'mmseg_plugins.SafeRunner'
default_hooks = dict(checkpoint=dict(type='mmseg_plugins.SafeCheckpointHook'))

env_cfg = dict(cudnn_benchmark=True)  # crops of one size
model = dict(
    neck=dict(
        type='mmseg_plugins.PANetFPN',
        in_channels=[256, 512, 1024, 2048],
        out_channels=256,
        num_outs=4,  # strides 4..32; a fifth map would be computed for nothing
        norm_cfg=dict(type='GN', num_groups=32)),
    panoptic_head=dict(in_channels=[256, 256, 256, 256]))

# Mixing: stock SOLOv2 on PANetFPN instead of FPN.
#   tools/dist_train.sh configs/panet/examples/solov2_r50-panetfpn_1x_coco.py 8
# Not yet measured here.
_base_ = ['mmdet::solov2/solov2_r50_fpn_1x_coco.py']

custom_imports = dict(imports=['mmseg_plugins.activate'], allow_failed_imports=False)
runner_type = 'mmseg_plugins.SafeRunner'
default_hooks = dict(checkpoint=dict(type='mmseg_plugins.SafeCheckpointHook'))

model = dict(neck=dict(type='mmseg_plugins.PANetFPN', norm_cfg=dict(type='GN', num_groups=32)))

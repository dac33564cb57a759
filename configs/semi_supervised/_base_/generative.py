# GAN-SS on the model of supervised.py: batches of four labeled and four unlabeled crops, a narrow generator of images
# with an optimizer of its own.
_base_ = [
    '../../_base_/models/fpn_lite0_small.py',
    '../../_base_/runtime/semantic_runtime.py',
    './camvid_share.py',
    './schedule_1000it.py',
]

model = dict(
    type='mmseg_plugins.GANSemiSeg',
    generator=dict(type='mmseg_plugins.NoiseGenerator', channels=128),
    data_preprocessor=dict(size={{_base_.crop_size}}))
train_dataloader = dict(
    batch_size=8,
    batch_sampler=dict(type='mmseg_plugins.PartsBatchSampler', parts=[1, 1]),
    dataset=dict(datasets=[{{_base_.labeled}}, {{_base_.unlabeled}}]))
optim_wrapper = dict(
    _delete_=True,
    constructor='mmseg_plugins.OptimizerPerPart',
    segmentor={{_base_.adamw}},
    generator=dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=2e-4, betas=(0.5, 0.999))))
param_scheduler = dict(_delete_=True, segmentor={{_base_.warmup_cosine}}, generator=[])
default_hooks = dict(checkpoint=dict(interval=50))

# Mean teacher with CutMix on the model of supervised.py: batches of four labeled and four unlabeled crops.
_base_ = [
    '../../_base_/models/fpn_lite0_small.py',
    '../../_base_/runtime/semantic_runtime.py',
    './camvid_share.py',
    './schedule_1000it.py',
]

model = dict(
    type='mmseg_plugins.MeanTeacher',
    momentum=0.98,
    ramp_up=50,
    data_preprocessor=dict(size={{_base_.crop_size}}))
train_dataloader = dict(
    batch_size=8,
    batch_sampler=dict(type='mmseg_plugins.PartsBatchSampler', parts=[1, 1]),
    dataset=dict(datasets=[{{_base_.labeled}}, {{_base_.unlabeled}}]))
default_hooks = dict(checkpoint=dict(interval=50))

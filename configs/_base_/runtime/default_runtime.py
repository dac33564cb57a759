# What every run of this project shares: the hosts' runtime plus checks, kill-safe checkpoints and a report.  Each
# extra can be switched off on the command line (--cfg-options data_check=False) or given options as a dict.
# The other files of this folder repeat the extras (a config lies at most two bases deep); tests/test_configs.py
# compares them.
_base_ = ['mmdet::_base_/default_runtime.py']

custom_imports = dict(imports=['mmseg_plugins.activate'], allow_failed_imports=False)
runner_type = 'mmseg_plugins.SafeRunner'

data_check = True  # classes, files and annotations, before anything is built
compatibility_check = True  # do backbone, neck and heads fit each other, before anything is loaded
finite_loss = True  # stop at the step whose loss is not finite
padding_check = True  # warn when validation images are padded and training images never were
run_report = True  # curves, tables, sheets of pictures, summary.json
progress = True  # bar with the time left, on a terminal

# mmcv on a CPU gains nothing from OpenCV's own threads next to the loaders'.
env_cfg = dict(mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0))
randomness = dict(seed=0)

default_hooks = dict(
    checkpoint=dict(type='mmseg_plugins.SafeCheckpointHook', interval=1, max_keep_ckpts=2),
    logger=dict(interval=50))

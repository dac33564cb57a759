# Otsu's threshold on cell nuclei as two classes, background and nucleus: label maps without training.
#   python tools/test.py configs/classical/threshold_otsu-foreground_untrained_nuclei.py
# Measured numbers: configs/classical/README.md.
_base_ = ['../_base_/datasets/nuclei_semantic.py', '../_base_/runtime/semantic_runtime.py']

val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
train_cfg = None
optim_wrapper = None

model = dict(
    type='mmseg_plugins.ClassicalSegmentor',
    data_preprocessor=dict(type='SegDataPreProcessor'),  # the image's own values: no mean, no std
    method='otsu')

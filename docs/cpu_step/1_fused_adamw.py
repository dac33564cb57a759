# + one fused optimizer step instead of a loop.
_base_ = './0_host_defaults.py'
optim_wrapper = dict(optimizer=dict(fused=True, foreach=None))

"""Optimizers that torch lacks; importing this package registers them."""

from mmseg_plugins.engine.optimizers.lasagne_rmsprop import LasagneRMSprop

__all__ = ['LasagneRMSprop']

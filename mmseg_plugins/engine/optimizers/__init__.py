"""Optimizers that torch lacks, and how their groups are made; importing this package registers them."""

from mmseg_plugins.engine.optimizers.autocast_optim_wrapper import AutocastOptimWrapper
from mmseg_plugins.engine.optimizers.lasagne_rmsprop import LasagneRMSprop
from mmseg_plugins.engine.optimizers.optimizer_per_part import JointOptimWrapper, OptimizerPerPart
from mmseg_plugins.engine.optimizers.vit_layer_decay import ViTLayerDecay

__all__ = ['AutocastOptimWrapper', 'JointOptimWrapper', 'LasagneRMSprop', 'OptimizerPerPart', 'ViTLayerDecay']

"""Losses: a pure function and a thin registered class each; no host is imported here."""

from .discriminative_loss import DiscriminativeLoss
from .instance_fcn_loss import InstanceFCNLoss
from .mask_bce_loss import MaskBCELoss, mask_bce_loss
from .psenet_loss import PSENetLoss

__all__ = ['DiscriminativeLoss', 'InstanceFCNLoss', 'MaskBCELoss', 'PSENetLoss', 'mask_bce_loss']

"""Losses: a pure function and a thin registered class each; no host is imported here."""

from .discriminative_loss import DiscriminativeLoss
from .fcis_loss import FCISLoss, FCISLossTerms, fcis_loss, fcis_roi_losses
from .instance_fcn_loss import InstanceFCNLoss
from .mask_bce_loss import MaskBCELoss, mask_bce_loss
from .psenet_loss import PSENetLoss
from .weighted_cross_entropy import WeightedCrossEntropyLoss, weighted_cross_entropy

__all__ = [
    'DiscriminativeLoss', 'FCISLoss', 'FCISLossTerms', 'InstanceFCNLoss', 'MaskBCELoss', 'PSENetLoss',
    'WeightedCrossEntropyLoss', 'fcis_loss', 'fcis_roi_losses', 'mask_bce_loss', 'weighted_cross_entropy'
]

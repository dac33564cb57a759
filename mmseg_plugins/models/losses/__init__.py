"""Losses: a pure function and a thin registered class each; no host is imported here."""

from .mask_bce_loss import MaskBCELoss, mask_bce_loss

__all__ = ['MaskBCELoss', 'mask_bce_loss']

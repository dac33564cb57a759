"""Losses: a pure function and a thin registered class each; no host is imported here."""

from .fcis_loss import FCISLoss, FCISLossTerms, fcis_loss, fcis_roi_losses

__all__ = ['FCISLoss', 'FCISLossTerms', 'fcis_loss', 'fcis_roi_losses']

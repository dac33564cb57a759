"""Losses: a pure function and a thin registered class each; no host is imported here."""

from .instance_fcn_loss import InstanceFCNLoss

__all__ = ['InstanceFCNLoss']

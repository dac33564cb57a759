"""Detectors, only where a host's own cannot be composed."""

from .instance_fcn import InstanceFCN

__all__ = ['InstanceFCN']

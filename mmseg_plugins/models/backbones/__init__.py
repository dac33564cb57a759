"""Backbones: a tensor in, a tuple of maps out; no host is imported here."""

from .tap_backbone import TapBackbone

__all__ = ['TapBackbone']

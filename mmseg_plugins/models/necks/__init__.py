"""Necks: a tuple of maps in, a tuple of maps out; no host is imported here."""

from .panet_fpn import PANetFPN

__all__ = ['PANetFPN']

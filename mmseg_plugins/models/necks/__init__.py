"""Necks: a tuple of maps in, a tuple of maps out; no host is imported here."""

from .panet_fpn import PANetFPN
from .psenet_fpn import PSENetFPN

__all__ = ['PANetFPN', 'PSENetFPN']

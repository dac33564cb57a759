"""Networks and their parts; importing this package registers them."""

from . import backbones, decode_heads, dense_heads, detectors, losses, necks, roi_heads, task_modules  # noqa: F401

"""Networks and their parts; importing this package registers them."""

from . import backbones, dense_heads, losses, necks, roi_heads, task_modules  # noqa: F401

"""Networks and their parts; importing this package registers them."""

from . import necks, roi_heads, task_modules  # noqa: F401

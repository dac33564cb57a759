"""Networks and their parts; importing this package registers them."""

from . import dense_heads, detectors, necks, roi_heads, task_modules  # noqa: F401

"""Networks and their parts; importing this package registers them."""

from . import (  # noqa: F401
    backbones,
    dense_heads,
    losses,
    necks,
    roi_heads,
    task_modules,
)

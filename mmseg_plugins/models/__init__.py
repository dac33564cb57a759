"""Networks and their parts; importing this package registers them."""

from . import (  # noqa: F401
    backbones,
    crf,
    decode_heads,
    dense_heads,
    detectors,
    losses,
    necks,
    postprocess,
    pretrain,
    roi_heads,
    segmentors,
    task_modules,
)

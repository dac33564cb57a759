"""A GPU with float32 arithmetic as on the CPU."""

from collections.abc import Iterator

import pytest
import torch
from device_checks import PlainDevice


@pytest.fixture
def device() -> Iterator[PlainDevice]:
    """The first GPU, without TF32, whose ten bits of mantissa no comparison with the CPU would pass."""
    before = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    yield PlainDevice(torch.device('cuda', 0))
    torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = before

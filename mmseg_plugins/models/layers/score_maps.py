"""Scores of a semantic head as probabilities, and back: of C competing channels, or of one foreground channel."""

from __future__ import annotations

import torch
from torch import Tensor

TINY = torch.finfo(torch.float32).tiny


def score_probabilities(scores: Tensor) -> Tensor:
    """Softmax of scores (B, C, H, W), float32; the sigmoid where C is 1 (``out_channels=1``)."""
    scores = scores.float()
    return scores.softmax(1) if scores.shape[1] > 1 else scores.sigmoid()


def log_scores(probabilities: Tensor, least: float = TINY) -> Tensor:
    """Scores of which :func:`score_probabilities` makes these (B, C, H, W): logarithms, of one channel the logit.

    Args:
        least: Smaller probabilities are raised to it.
    """
    if probabilities.shape[1] > 1:
        return probabilities.clamp(min=least).log()
    return probabilities.clamp(min=least).log() - (1 - probabilities).clamp(min=least).log()

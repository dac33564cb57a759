"""Use from Python: ``Predictor(config, checkpoint)(image)``."""

from mmseg_plugins.apis.inference import CheckpointMismatchError, Predictor

__all__ = ['CheckpointMismatchError', 'Predictor']

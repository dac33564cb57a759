"""Use from Python: ``Predictor(config, checkpoint)(image)``."""


from mmseg_plugins.apis.inference import Predictor

__all__ = ['Predictor', 'UserError']

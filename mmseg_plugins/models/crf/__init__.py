"""Conditional random fields: dense CRF, ConvCRF, CRF-RNN's layer, and what a config's ``post_process`` names."""

from .conv_crf import ConvCRFParams, conv_crf
from .crf_postprocess import ConvCRFPostProcess, CRFPostProcess, DenseCRFPostProcess
from .crf_presets import PRESETS, CRFParams
from .dense_crf import dense_crf, labels_to_probabilities

__all__ = [
    'PRESETS', 'CRFParams', 'CRFPostProcess', 'ConvCRFParams', 'ConvCRFPostProcess', 'DenseCRFPostProcess', 'conv_crf',
    'dense_crf', 'labels_to_probabilities'
]

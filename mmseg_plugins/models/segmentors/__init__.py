"""Segmentors, only where a host's own cannot be composed."""

from .adv_semi_seg import AdvSemiSeg
from .bayesian_encoder_decoder import BayesianEncoderDecoder
from .classical_segmentor import ClassicalSegmentor
from .decoupled_net import DecoupledNet
from .fc_discriminator import FCDiscriminator
from .gan_semi_seg import GANSemiSeg, NoiseGenerator
from .mean_teacher import MeanTeacher
from .mean_tta_model import MeanTTAModel
from .multi_label_classifier import MultiLabelClassifier
from .multi_scale_encoder_decoder import MultiScaleEncoderDecoder
from .rotation_averaging import RotationAveragingEncoderDecoder

__all__ = [
    'AdvSemiSeg', 'BayesianEncoderDecoder', 'ClassicalSegmentor', 'DecoupledNet', 'FCDiscriminator', 'GANSemiSeg',
    'MeanTTAModel', 'MeanTeacher', 'MultiLabelClassifier', 'MultiScaleEncoderDecoder', 'NoiseGenerator',
    'RotationAveragingEncoderDecoder'
]

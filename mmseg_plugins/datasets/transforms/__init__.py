from .border_weight_map import BorderWeightMap, PackWeightedSegInputs
from .class_subset import ClassSubset, PackClassLabels
from .crop_around_object import CropAroundObject
from .elastic_deformation import ElasticDeformation
from .instances_to_seg_map import InstancesToSegMap
from .load_panoptic import LoadPanopticAnnotations
from .mirror_pad import MirrorPad
from .pretraining import BlockMasking, RandomResizedCrop
from .random_gaussian_blur import RandomGaussianBlur

__all__ = [
    'BlockMasking', 'BorderWeightMap', 'ClassSubset', 'CropAroundObject', 'ElasticDeformation', 'InstancesToSegMap',
    'LoadPanopticAnnotations', 'MirrorPad', 'PackClassLabels', 'PackWeightedSegInputs', 'RandomGaussianBlur',
    'RandomResizedCrop'
]

from .crop_around_object import CropAroundObject
from .load_panoptic import LoadPanopticAnnotations

__all__ = ['CropAroundObject', 'LoadPanopticAnnotations']

from .load_panoptic import LoadPanopticAnnotations

__all__ = ['LoadPanopticAnnotations']

from .all_level_roi_extractor import AllLevelRoIExtractor
from .crop_resize_roi_extractor import CropResizeRoIExtractor, DeformableCropRoIExtractor
from .roi_op_extractor import RoIOpExtractor

__all__ = ['AllLevelRoIExtractor', 'CropResizeRoIExtractor', 'DeformableCropRoIExtractor', 'RoIOpExtractor']

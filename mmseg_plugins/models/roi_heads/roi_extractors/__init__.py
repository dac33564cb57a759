from .all_level_roi_extractor import AllLevelRoIExtractor
from .roi_op_extractor import RoIOpExtractor

__all__ = ['AllLevelRoIExtractor', 'RoIOpExtractor']

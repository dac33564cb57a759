"""Pictures: overlays, contact sheets, curves and histograms as pure functions.

Images are uint8 arrays (H, W, 3) in BGR order, as OpenCV reads them; palettes
and colors are RGB triples, as mm's ``metainfo`` holds them.  Nothing here
imports the hosts, and no display is ever needed.
"""

from mmseg_plugins.structures.images import read_image, save_image
from mmseg_plugins.visualization.charts import draw_class_histogram, draw_curves
from mmseg_plugins.visualization.overlay import draw_instances
from mmseg_plugins.visualization.semantic import draw_legend, draw_semantic
from mmseg_plugins.visualization.sheets import contact_sheet

__all__ = [
    'contact_sheet',
    'draw_class_histogram',
    'draw_curves',
    'draw_instances',
    'draw_legend',
    'draw_semantic',
    'read_image',
    'save_image',
]

"""Data sets that the hosts lack; importing this module registers them.

Apart from the package itself, which the tools import before they know that mmdet is there.
"""

from mmseg_plugins.datasets.camvid_dataset import CamVidDataset  # noqa: F401
from mmseg_plugins.datasets.coco_semantic_dataset import CocoSemanticDataset  # noqa: F401
from mmseg_plugins.datasets.image_folder import ImageFolderDataset  # noqa: F401
from mmseg_plugins.datasets.label_share import LabelShare  # noqa: F401
from mmseg_plugins.datasets.parts_batch_sampler import PartsBatchSampler  # noqa: F401
from mmseg_plugins.datasets.sbd_dataset import SBDInstanceDataset  # noqa: F401

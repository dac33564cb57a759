"""Metrics that the hosts lack; importing this package registers them."""

from mmseg_plugins.evaluation.coco_metric import FastCocoMetric  # noqa: F401
from mmseg_plugins.evaluation.instance_voc_metric import InstanceVOCMetric  # noqa: F401
from mmseg_plugins.evaluation.level_metrics import ForegroundIoUMetric, SemanticIoUMetric  # noqa: F401
from mmseg_plugins.evaluation.mask_recall_metric import MaskRecallMetric  # noqa: F401
from mmseg_plugins.evaluation.multi_label_metric import MultiLabelMetric  # noqa: F401
from mmseg_plugins.evaluation.panoptic_metric import PanopticQualityMetric  # noqa: F401

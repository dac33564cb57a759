"""Which steps of a pipeline load the image: for the check of the data and for prediction alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.registry import TRANSFORMS

#: The loading step of files, which the hosts' own inferencers replace by steps for arrays.
FILE_STEP = 'LoadImageFromFile'
_ARRAY_STEPS = ('InferencerLoader', 'LoadImageFromNDArray')
HOSTS = ('mmcv', 'mmdet', 'mmseg', 'mmengine')
_BACKENDS = ('cv2', 'pillow', 'turbojpeg', None)  # of mmcv, for files of one to four channels


def step_name(step: Any) -> str:
    """The last part of a step's type: ``LoadImageFromFile`` of ``mmdet.LoadImageFromFile`` or of the class."""
    kind = step.get('type') if isinstance(step, Mapping) else None
    return str(kind if isinstance(kind, str) else getattr(kind, '__name__', kind)).rsplit('.', 1)[-1]


def loads_image(step: Any) -> bool:
    """Whether a step loads the image, told by its name."""
    name = step_name(step)
    return name in _ARRAY_STEPS or ('Load' in name and 'Image' in name and 'Annotation' not in name)


def loading_steps(pipeline: Sequence[Any]) -> list[dict[str, Any]]:
    """The steps of a pipeline that load the image from its file; those for arrays become :data:`FILE_STEP`."""
    steps = [dict(step) for step in pipeline if loads_image(step)]
    for step in steps:
        if step_name(step) in _ARRAY_STEPS:
            step['type'] = FILE_STEP
    return steps


def is_of_host(step: Mapping[str, Any], name: str) -> bool:
    """Whether a step is the hosts' own one of this name, not another package's."""
    kind = step.get('type')
    package = kind.rpartition('.')[0] if isinstance(kind, str) else str(getattr(kind, '__module__', ''))
    return step_name(step) == name and (not package or package.split('.')[0] in HOSTS)


def is_known_step(step: Mapping[str, Any]) -> bool:
    """Whether a step is the hosts' or ours, so that its name tells what it does."""
    found = step.get('type')
    if not isinstance(found, type):
        with TRANSFORMS.switch_scope_and_registry(None) as registry:
            found = registry.get(str(found))
    return found is not None and found.__module__.split('.')[0] in (*HOSTS, 'mmseg_plugins')


def own_label_step(pipeline: Sequence[Any]) -> str:
    """The step that reads label maps where it is not the hosts' ``LoadAnnotations``; an empty text where it is."""
    reading = [step for step in pipeline if 'Load' in step_name(step) and 'Annotation' in step_name(step)]
    return step_name(reading[0]) if reading and not any(is_of_host(step, 'LoadAnnotations') for step in reading) else ''


def reads_common_files(steps: Sequence[Mapping[str, Any]]) -> bool:
    """Whether images are loaded by mmcv's step alone, with a backend for ordinary image files."""
    return all(is_of_host(step, FILE_STEP) and step.get('imdecode_backend', 'cv2') in _BACKENDS for step in steps)

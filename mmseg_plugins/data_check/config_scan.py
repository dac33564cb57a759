"""What the data check needs of a config: class names, files, and whether the heads' class numbers fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmseg_plugins.config.loading_steps import own_label_step
from mmseg_plugins.config.walk import class_numbers, first_of, shares_labels
from mmseg_plugins.data_check.coco_check import CocoSource
from mmseg_plugins.data_check.image_check import image_loading
from mmseg_plugins.data_check.map_check import MapSource


def class_number_problems(model: Any, names: Sequence[str], things: int | None = None, stuff: int = 0) -> list[str]:
    """Which heads disagree with the C = len(names) classes of the data.

    Args:
        model: the model's config.
        names: class names in label order.
        things: number of thing classes of a panoptic set, None when all are things.
        stuff: number of its stuff classes.
    """
    if things is None:
        things = len(names)
    expected = {'all': things, 'things': things, 'stuff': stuff, 'weights': things + stuff + 1}
    if isinstance(model, Mapping) and ('decode_head' in model or stuff):
        expected['all'] = len(names) if 'decode_head' in model else things
    shown = ', '.join(names[:8]) + (' ...' if len(names) > 8 else '')
    problems = []
    for number in class_numbers(model):
        wanted = expected[number.counts]
        if number.value == wanted:
            continue
        if number.counts == 'weights':
            problems.append(
                f'{number.path} has {number.value} weights, the data needs {wanted}: one for each class and one for '
                f'"no object". Fix: class_weight=[1.0] * {wanted - 1} + [0.1]'
            )
            continue
        kind = {'all': 'classes', 'things': 'thing classes', 'stuff': 'stuff classes'}[number.counts]
        problems.append(
            f'{number.path} = {number.value}, the data has {wanted} {kind} ({shown}). Rule: they must be equal. '
            f'Fix: {number.path} = {wanted}, or other classes'
        )
    return problems


def ignored_label_problems(model: Any, evaluators: Any, ignore_index: int) -> list[str]:
    """Heads and metrics that ignore another label than the data set.

    Args:
        model: the model's config; ``decode_head`` and ``auxiliary_head`` are looked at.
        evaluators: the evaluator's config, None in training.
        ignore_index: of the data set.
    """
    heads = []
    for key in ('decode_head', 'auxiliary_head'):
        part = model.get(key) if isinstance(model, Mapping) else None
        listed = part if isinstance(part, (list, tuple)) else [part]
        heads += [(f'model.{key}', head) for head in listed if isinstance(head, Mapping)]
    metrics = [('the evaluator', metric) for metric in
               (evaluators if isinstance(evaluators, (list, tuple)) else [evaluators])
               if isinstance(metric, Mapping) and str(metric.get('type', '')).split('.')[-1] == 'IoUMetric']
    return [
        f'{place} ignores the label {part.get("ignore_index", 255)}, the data set {ignore_index}. Rule: data set, '
        f'heads and metric ignore the same label. Fix: ignore_index={ignore_index} there, or in the data set.'
        for place, part in (*heads, *metrics) if part.get('ignore_index', 255) != ignore_index
    ]


def one_channel_problems(model: Any) -> list[str]:
    """Heads of mmseg with one output channel whose loss takes the channel for class scores."""
    problems = []
    for key in ('decode_head', 'auxiliary_head'):
        part = model.get(key) if isinstance(model, Mapping) else None
        for head in part if isinstance(part, (list, tuple)) else [part]:
            if not isinstance(head, Mapping) or head.get('out_channels') != 1:
                continue
            losses = head.get('loss_decode')
            for loss in losses if isinstance(losses, (list, tuple)) else [losses]:
                entropy = isinstance(loss, Mapping) and str(loss.get('type')).split('.')[-1] == 'CrossEntropyLoss'
                if entropy and loss is not None and not loss.get('use_sigmoid', False):
                    problems.append(f'model.{key} has out_channels=1, and its CrossEntropyLoss compares classes. Rule: '
                                    'one channel is the score of the foreground. Fix: use_sigmoid=True in loss_decode.')
    return problems


def palette_problem(dataset: Mapping[str, Any], classes: Sequence[str], known: Sequence[str] | None) -> str | None:
    """Why colors of an mmseg data set do not fit its classes; ``known`` are the classes that its type names."""
    palette = (dataset.get('metainfo') or {}).get('palette')
    if not isinstance(palette, (list, tuple)) or len(palette) in (0, len(classes), len(known or ())):
        return None
    return (f'metainfo has {len(palette)} colors and {len(classes)} classes. Rule: a color for each. Fix: correct '
            'palette, or leave it out.')


def join_path(root: Any, part: Any) -> Path:
    """``data_root`` and a path relative to it, or an absolute one, as mmengine joins them."""
    return Path(str(root or '')) / str(part or '')


def is_remote(dataset: Mapping[str, Any]) -> bool:
    """Whether the files lie on a storage backend that this check cannot list."""
    backend = dataset.get('backend_args') or {}
    local = backend.get('backend', 'local') in ('local', 'LocalBackend')
    return not local or '://' in str(dataset.get('data_root') or '')


def configured_classes(dataset: Mapping[str, Any], defaults: Mapping[str, Any]) -> tuple[tuple[str, ...], str | None]:
    """Class names of a data set in label order, and what is wrong with how they are written.

    ``defaults`` is the dataset class's ``METAINFO``.  Like mmengine, a text
    that names a file is read as a list, one name a line.
    """
    metainfo = dataset.get('metainfo') or {}
    classes = metainfo.get('classes', defaults.get('classes'))
    if 'CLASSES' in metainfo and metainfo['CLASSES'] != classes:
        return (), (f"metainfo has CLASSES = {metainfo['CLASSES']!r}, which mmdet 3 and mmseg 1 ignore; the classes "
                    f'are {classes!r}. Fix: write metainfo=dict(classes=...)')
    if isinstance(classes, (set, frozenset)):
        return (), (f'classes = {classes!r} is a set, whose order differs from run to run. Rule: label i is class i. '
                    'Fix: a tuple.')
    if isinstance(classes, str):
        if Path(classes).is_file():
            return tuple(Path(classes).read_text(encoding='utf-8').split('\n')), None
        return (), f"classes = {classes!r} is a text: each letter would be a class. Fix: classes = ('{classes}',)"
    names = tuple(classes or ())
    wrong = [name for name in names if not isinstance(name, str)]
    if wrong:
        return (), f'classes = {names!r} has {wrong[0]!r}. Rule: names of classes are texts. Fix: {str(wrong[0])!r}.'
    double = next((name for name in names if names.count(name) > 1), None)
    if double is not None:
        return (), f'classes = {names!r} has {double!r} twice. Rule: a class is named once. Fix: leave one out.'
    return names, None


def coco_source(name: str, dataset: Mapping[str, Any], classes: tuple[str, ...], evaluators: Any) -> CocoSource:
    """What :func:`check_coco` needs of a ``CocoDataset`` config.

    ``evaluators`` is the evaluator config of the split, None for training.
    """
    root = dataset.get('data_root')
    prefix = (dataset.get('data_prefix') or {}).get('img', '')
    listed = evaluators if isinstance(evaluators, (list, tuple)) else [evaluators]
    metrics = [metric for metric in listed if isinstance(metric, Mapping)]
    segm = any('segm' in (metric.get('metric') or ()) for metric in metrics)
    poly2mask = first_of(dataset.get('pipeline'), 'poly2mask')
    return CocoSource(
        name=name,
        ann_file=join_path(root, dataset.get('ann_file')),
        img_dir=join_path(root, prefix),
        classes=classes,
        filter_cfg=dataset.get('filter_cfg'),
        test_mode=bool(dataset.get('test_mode', False)),
        reads_masks=bool(first_of(dataset.get('pipeline'), 'with_mask')) or segm,
        poly2mask=True if poly2mask is None else bool(poly2mask),
        names_by_id=any(
            str(metric.get('type', '')).split('.')[-1] == 'CocoMetric' and bool(metric.get('classwise'))
            and not metric.get('sort_categories') for metric in metrics),
        needs_annotations=not name.startswith('test'),
        loading=image_loading(dataset.get('pipeline')),
    )


def panoptic_source(name: str, dataset: Mapping[str, Any], classes: tuple[str, ...],
                    things: tuple[str, ...] | None = None) -> MapSource:
    """What :func:`check_panoptic` needs of a ``CocoPanopticDataset`` config; ``things`` are its thing classes."""
    root, prefix = dataset.get('data_root'), dataset.get('data_prefix') or {}
    return MapSource(
        name=name,
        img_dir=join_path(root, prefix.get('img')),
        map_dir=join_path(root, prefix.get('seg')),
        classes=classes,
        ann_file=join_path(root, dataset.get('ann_file')),
        loading=image_loading(dataset.get('pipeline')),
        things=things,
    )


def semantic_source(
    name: str, dataset: Mapping[str, Any], classes: tuple[str, ...], defaults: Mapping[str, Any]
) -> MapSource:
    """What :func:`check_semantic` needs of an mmseg data set config; ``defaults`` are its class's own arguments."""
    root, prefix = dataset.get('data_root'), dataset.get('data_prefix') or {}

    def option(key: str, fallback: Any) -> Any:
        return dataset.get(key, defaults.get(key, fallback))

    stored = defaults.get('classes')
    return MapSource(
        name=name,
        img_dir=join_path(root, prefix.get('img_path')),
        map_dir=join_path(root, prefix.get('seg_map_path')),
        classes=classes,
        ann_file=join_path(root, dataset['ann_file']) if dataset.get('ann_file') else None,
        img_suffix=option('img_suffix', '.jpg'),
        map_suffix=option('seg_map_suffix', '.png'),
        ignore_index=option('ignore_index', 255),
        reduce_zero_label=option('reduce_zero_label', False),
        stored_values=len(stored) if stored else None,
        labelled=prefix.get('seg_map_path') is not None,
        labels_by=own_label_step(dataset.get('pipeline') or ()),
        loading=image_loading(dataset.get('pipeline')),
    )


def missing_label_problem(split: str, dataset: Mapping[str, Any], evaluators: Any,
                          unlabeled: bool = False) -> str | None:
    """Why an mmseg data set that names no folder of label maps cannot be used; None where it can.

    Test images may lack labels, and those of a semi-supervised training (``unlabeled``), where nothing reads them: no
    ``LoadAnnotations`` in the pipeline, no metric but those of ``format_only``, which write predictions.
    """
    lacks = f'{split}_dataloader.dataset.data_prefix names no folder of label maps (seg_map_path)'
    if split != 'test' and not unlabeled:
        return f'{lacks}. Rule: {split} reads labels. Fix: data_prefix=dict(img_path=..., seg_map_path=...).'
    steps = [str(step.get('type')) for step in dataset.get('pipeline') or () if isinstance(step, Mapping)]
    loading = [name for name in steps if name.split('.')[-1] == 'LoadAnnotations']
    if loading:
        return (f'{lacks}, and its pipeline has {loading[0]}. Rule: images without labels are loaded without this '
                'step. Fix: leave the step out, or name the folder.')
    if unlabeled:
        return None
    listed = evaluators if isinstance(evaluators, (list, tuple)) else [evaluators]
    measuring = [str(metric.get('type')) for metric in listed
                 if isinstance(metric, Mapping) and not metric.get('format_only')]
    if measuring:
        return (f'{lacks}, and test_evaluator measures {measuring[0]}. Rule: without labels predictions are only '
                "written. Fix: test_evaluator.format_only=True and test_evaluator.output_dir='...', or name the "
                'folder.')
    return None


def takes_unlabeled(split: str, cfg: Mapping[str, Any]) -> bool:
    """Whether data sets of a split may lack label maps: those of a ``LabelShare`` in training."""
    return split == 'train' and shares_labels((cfg.get('train_dataloader') or {}).get('dataset'))

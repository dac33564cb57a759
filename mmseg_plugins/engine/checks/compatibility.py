"""Do the parts of a mixed model fit each other?  Asked once, when the model is built.

A config may put any backbone, neck and head together.  Where two of them disagree, torch stops somewhere inside one
of them with two numbers and no names, or, with a wrong stride, does not stop at all.  :func:`check_model` sends one
small empty image through the parts, link by link, and raises an error that names both sides of the link, what each
declares or gives, and the fix:

.. code-block:: none

    image -> backbone -> neck -+-> rpn_head, single-stage heads, panoptic_head, decode_head, auxiliary_head
                               +-> bbox_roi_extractor -> bbox_head
                               +-> mask_roi_extractor -> mask_head

Only links whose contract is the hosts' own are tried: detectors and RoI heads that route their maps in another way
are left to :mod:`.forward_errors`, which explains the first iteration's failure.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, NamedTuple

import torch
from mmengine.logging import print_log
from torch import Tensor, nn

from mmseg_plugins.structures.boxes import BoxMode, CountsPixels
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.utils.rng import preserved_rng

SIDE = 128  # px of the image that is sent through
PREFIX = 'mmseg_plugins.'
#: What a part may declare about its input, in the order in which it is shown.
DECLARED = (
    'in_channels', 'out_channels', 'num_levels', 'strides', 'featmap_strides', 'num_grids', 'roi_feat_size',
    'num_input_levels', 'in_index'
)  # fmt: skip
#: Classes of the hosts whose heads read all maps of ``extract_feat``.
PLAIN_MODELS = ('SingleStageDetector', 'SingleStageInstanceSegmentor', 'TwoStageDetector', 'MaskFormer',
                'EncoderDecoder')  # fmt: skip
HOSTS = ('mmdet', 'mmseg')
PLAIN_HEADS = ('rpn_head', 'bbox_head', 'mask_head', 'panoptic_head', 'decode_head', 'auxiliary_head')
MISFITS = (RuntimeError, ValueError, AssertionError, IndexError, TypeError)



class Given(NamedTuple):
    """What a part of the model gives.

    ``tensors``: maps (B, C_i, H_i, W_i), or one tensor of pooled ``rois`` (N, C, h, w) or (N, L, C, h, w).
    ``side``: height and width of the image that the maps belong to, None where it is not known.
    """

    name: str
    tensors: list[Tensor]
    side: int | None = SIDE
    rois: bool = False

    @property
    def channels(self) -> list[int]:
        return [tensor.size(-3) for tensor in self.tensors]

    @property
    def strides(self) -> list[int]:
        assert self.side is not None
        return [round(self.side / tensor.size(-1)) for tensor in self.tensors]

    @property
    def path(self) -> str:
        return self.name.split(' ')[0]

    def text(self) -> str:
        """One line for a message."""
        if self.rois:
            pooled = self.tensors[0]
            axes = {4: 'RoIs, channels, h, w', 5: 'RoIs, levels, channels, h, w'}.get(pooled.dim(), 'RoIs, ...')
            return f'{self.name} gives {" x ".join(map(str, pooled.shape))} ({axes})'
        number = f'{len(self.tensors)} map' + 's' * (len(self.tensors) != 1)
        if self.side is None:
            sizes = [tuple(tensor.shape[-2:]) for tensor in self.tensors]
            return f'{self.name} gives {number} of {self.channels} channels and sizes {sizes}'
        return f'{self.name} gives {number} of {self.channels} channels at strides {self.strides}'


def names_plugin(model: Any) -> bool:
    """Whether a model config names a type of this package anywhere; a host's own model is not checked."""
    if isinstance(model, Mapping):
        return any(names_plugin(value) for value in model.values())
    if isinstance(model, (list, tuple)):
        return any(names_plugin(value) for value in model)
    return isinstance(model, str) and model.startswith(PREFIX)


def check_model(model: nn.Module) -> None:
    """Send one small image through the parts of a detector or segmentor, link by link.

    Weights, buffers, modes and random generators are left as they are.  Nothing is asked of a model without
    ``backbone``, or whose backbone does not take an image of 128 x 128 px alone.

    Raises:
        UserError: two parts do not fit.
    """
    backbone = getattr(model, 'backbone', None)
    if not isinstance(backbone, nn.Module):
        return
    _check_box_modes(model)
    with _left_as_it_was(model):
        given = _from_backbone(backbone)
        neck = getattr(model, 'neck', None)
        if given is not None and isinstance(neck, nn.Module):
            given = _pass('model.neck', neck, given, (tuple(given.tensors), ))
        if given is None or not _is_plain(model):
            return
        for name in PLAIN_HEADS:
            head = getattr(model, name, None)
            boxed = name == 'mask_head' and isinstance(getattr(model, 'bbox_head', None), nn.Module)
            if isinstance(head, nn.Module) and not boxed:  # a mask head next to a box head reads its positives, too
                _check_head(f'model.{name}', head, given)
        roi_head = getattr(model, 'roi_head', None)
        if isinstance(roi_head, nn.Module):
            _check_roi_head(roi_head, given)


def _check_box_modes(model: nn.Module) -> None:
    """The heads of a two-stage detector count the pixels of a box alike; a host's own are half-open."""
    rpn, roi_head = getattr(model, 'rpn_head', None), getattr(model, 'roi_head', None)
    if not isinstance(rpn, nn.Module) or not isinstance(roi_head, nn.Module):
        return
    boxes = getattr(roi_head, 'bbox_head', None)
    heads = boxes if isinstance(boxes, nn.ModuleList) else [boxes if isinstance(boxes, nn.Module) else roi_head]
    given = _box_mode(rpn)
    for head in heads:
        wanted = _box_mode(head)
        if wanted != given:
            raise UserError(
                f"model.rpn_head ({type(rpn).__name__}) counts the pixels of boxes by box_mode='{given}', "
                f"{type(head).__name__} in model.roi_head by '{wanted}'.",
                rule='one mode, or every box is a pixel off.',
                fix=(
                    f"box_mode='{given}' in the RoI head (FCISHead: its preset), or mmseg_plugins.LevelRPNHead with "
                    f"box_mode='{wanted}' and the anchors and box coder that belong to it"
                ),
            )


def _box_mode(head: nn.Module) -> str:
    """Of a head that declares one; a host's own boxes are half-open."""
    return (head.box_mode if isinstance(head, CountsPixels) else BoxMode.HALF_OPEN).value


def _from_backbone(backbone: nn.Module) -> Given | None:
    """The backbone's maps; None where it wants something else than an image, or gives something else than maps."""
    first = next((module for module in backbone.modules() if isinstance(module, nn.Conv2d)), None)
    weight = next(backbone.parameters(), torch.zeros(()))
    image = torch.zeros(1, first.in_channels if first is not None else 3, SIDE, SIDE, device=weight.device)
    try:
        maps = backbone(image)
    except Exception as error:  # whatever it is, training says it better than an empty image of another size
        print_log(f'parts not checked: {type(backbone).__name__} takes no empty image: {error}', 'current', 10)
        return None
    return _given('model.backbone', backbone, maps)


def _check_head(path: str, head: nn.Module, given: Given) -> None:
    """One head that reads all maps, or the members of a list of them."""
    if isinstance(head, nn.ModuleList):
        for index, member in enumerate(head):
            if index == 0 or path.endswith('auxiliary_head'):  # a cascade's next heads also read the one before
                _check_head(f'{path}[{index}]', member, given)
        return
    decoder = getattr(head, 'pixel_decoder', None)
    generator = getattr(head, 'prior_generator', None)
    if decoder is not None:
        _check_strides(f'{path}.pixel_decoder', decoder, decoder.strides, given)
    elif generator is not None and hasattr(generator, 'strides'):
        _check_strides(f'{path}.prior_generator', generator, generator.strides, _chosen(head, given))
    elif 'BaseMaskHead' in {cls.__name__ for cls in type(head).__mro__}:
        _check_own_strides(path, head, given)
    _check_queries(path, head)
    wanted = _required(head)
    if wanted[1:] == ['batch_data_samples']:
        meta = dict(img_shape=(SIDE, SIDE), batch_input_shape=(SIDE, SIDE), pad_shape=(SIDE, SIDE))
        _pass(path, head, given, (given.tensors, [SimpleNamespace(metainfo=meta)]))
    elif len(wanted) == 1:
        _pass(path, head, given, (tuple(given.tensors), ))


def _chosen(part: nn.Module, given: Given) -> Given:
    """The maps that a part reads: those of its ``in_levels``, else all."""
    indices = getattr(part, 'in_levels', None)
    number = len(given.tensors)
    if not isinstance(indices, (list, tuple)) or not all(-number <= index < number for index in indices):
        return given  # the part itself says which index is wrong
    return given._replace(tensors=[given.tensors[i] for i in indices])


def _check_own_strides(path: str, head: nn.Module, given: Given) -> None:
    """Strides of a one-stage mask head itself: ``strides``, one a map, or ``stride`` of the first; elsewhere the words
    may mean other things (a decode head's output).  Another number of maps is left to the head's own error, which
    knows what else counts maps."""
    strides, stride = getattr(head, 'strides', None), getattr(head, 'stride', None)
    enlarged = getattr(head, 'upsample_factor', 1)  # such a head keeps the strides of what it makes of the maps
    read = _chosen(head, given)
    if isinstance(strides, (list, tuple)) and len(strides) == len(read.tensors):
        _check_strides(path, head, [stride * enlarged for stride in strides], _resized(head, read))
    elif isinstance(stride, int):
        _check_strides(path, head, [stride * enlarged], read._replace(tensors=read.tensors[:1]), 'stride')


def _resized(head: nn.Module, given: Given) -> Given:
    """The maps that SOLO's heads work on: the finest halved, the coarsest enlarged to its neighbour's size."""
    resize: Any = getattr(head, 'resize_feats', None)
    if resize is None:
        return given
    tensors = list(resize(given.tensors))
    same = all(ours is theirs for ours, theirs in zip(tensors, given.tensors, strict=True))  # resize_ends=False
    return given if same else Given(f'{given.name}, its ends resized by the head,', tensors, given.side)


def _check_queries(path: str, head: nn.Module) -> None:
    """Mask2Former ranks all pairs of query and class, and stops at the first image when it is to keep more."""
    queries, classes = getattr(head, 'num_queries', None), getattr(head, 'num_classes', None)
    wanted = (getattr(head, 'test_cfg', None) or {}).get('max_per_image')
    if isinstance(queries, int) and isinstance(classes, int) and wanted is not None and wanted > queries * classes:
        raise UserError(
            f'model.test_cfg.max_per_image={wanted} is more than the {queries * classes} pairs of a query and a class '
            f'that {path} ({type(head).__name__}) ranks: num_queries={queries}, {classes} classes.',
            fix=f'max_per_image={queries * classes} or less, or more queries',
        )


def _check_roi_head(roi_head: nn.Module, given: Given) -> None:
    """Extractors and heads of a two-stage detector whose RoI head is a host's."""
    if not _of_a_host(type(roi_head)) or hasattr(roi_head, 'semantic_roi_extractor'):
        return
    for kind in ('bbox', 'mask'):
        extractors = _members(f'model.roi_head.{kind}_roi_extractor', getattr(roi_head, f'{kind}_roi_extractor', None))
        heads = _members(f'model.roi_head.{kind}_head', getattr(roi_head, f'{kind}_head', None))
        if extractors and len(heads) > len(extractors):
            extractors *= len(heads)
        for (path, extractor), (head_path, head) in zip(extractors, heads, strict=False):
            pooled = _pool(path, extractor, given)
            shared = getattr(roi_head, 'shared_head', None)
            if pooled is not None and isinstance(shared, nn.Module):
                pooled = _pass('model.roi_head.shared_head', shared, pooled, tuple(pooled.tensors))
            if pooled is not None and len(_required(head)) == 1:
                _pass(head_path, head, pooled, tuple(pooled.tensors))


def _pool(path: str, extractor: nn.Module, given: Given) -> Given | None:
    """Two RoIs pooled by an extractor from the maps that the RoI head would hand to it."""
    strides: Sequence[int] = extractor.featmap_strides  # type: ignore[assignment]
    read = given._replace(tensors=given.tensors[:len(strides)])
    _check_strides(path, extractor, strides, read, 'featmap_strides')
    half, full = SIDE / 2, SIDE - 1
    rois = read.tensors[0].new_tensor([[0, 8, 8, half, half], [0, 0, 0, full, full]])
    return _pass(path, extractor, read, (tuple(read.tensors), rois))


def _check_strides(path: str, part: Any, declared: Sequence[Any], given: Given, name: str = 'strides') -> None:
    """Compare declared strides with those of the maps: a wrong one trains, on boxes in the wrong place."""
    strides = [stride[0] if isinstance(stride, (list, tuple)) else stride for stride in declared]
    # Maps of one pixel, and strides such as SSD's 100, do not tell their stride.
    wrong = [
        (stride, actual) for stride, actual, tensor in zip(strides, given.strides, given.tensors, strict=False)
        if tensor.size(-1) > 1 and stride & (stride - 1) == 0 and stride != actual
    ]
    if len(strides) == len(given.tensors) and not wrong:
        return
    real: Any
    if name == 'stride':  # one number, of the first map
        says, rule, real = f'{strides[0]}, of the first map', 'the real one', given.strides[0]
    else:
        says, rule, real = f'{strides}, {len(strides)} levels', 'one stride a map, the real one', given.strides
    raise UserError(
        f'{path} ({type(part).__name__}) is set to {name}={says}, but {given.text()}.',
        rule=f'{rule}.',
        fix=f'{name}={real} in {path}, or another number of maps (num_outs of the neck, out_indices of the backbone)',
    )


def _pass(path: str, part: nn.Module, given: Given, arguments: tuple[Any, ...]) -> Given | None:
    """Call one part on what the one before gives; None when this machine cannot run it or it gives no maps.

    Raises:
        UserError: it does not take them.
    """
    try:
        result = part(*arguments)
    except NotImplementedError:
        return None
    except MISFITS as error:
        if 'implementation for device' in str(error):  # an operator of mmcv that only a GPU has
            return None
        raise UserError(misfit_text(path, part, given, error)) from error
    return _given(path, part, result)


def misfit_text(path: str, part: nn.Module, given: Given, error: BaseException) -> str:
    """The message for a part that does not take what the one before gives."""
    facts = declared(part)
    said = str(error).strip().split('\n')[0] or f'{type(error).__name__} without a message'
    return (f'{path} ({type(part).__name__}{": " if facts else ""}{facts}) cannot read its input: {given.text()}. '
            f'It stopped with: {said}. Fix: {fix(path, part, given)}')


def declared(part: nn.Module) -> str:
    """``name=value`` of what a part declares about its input."""
    values = {name: getattr(part, name, None) for name in DECLARED}
    values['in_channels'] = in_channels(part)
    return ', '.join(f'{name}={value}' for name, value in values.items() if isinstance(value, (int, list, tuple)))


def in_channels(part: nn.Module) -> Any:
    """``in_channels`` of a part, of its pixel decoder (finest first), or of its first convolution; None without any."""
    decoder = getattr(part, 'pixel_decoder', None)
    if decoder is not None and hasattr(decoder, 'lateral_convs') and hasattr(decoder, 'input_convs'):
        convs = [*reversed(decoder.lateral_convs), *reversed(decoder.input_convs)]
        return [conv.conv.in_channels for conv in convs]
    first = next((module for module in part.modules() if isinstance(module, nn.Conv2d)), None)
    return getattr(part, 'in_channels', None if first is None else first.in_channels)


def fix(path: str, part: nn.Module, given: Given) -> str:
    """What to change, as far as the declared numbers tell."""
    first = given.tensors[0]
    channels = in_channels(part)
    bins = getattr(part, 'roi_feat_size', None)
    bins = (bins, bins) if isinstance(bins, int) else bins
    levels = getattr(part, 'num_levels', None)
    if first.dim() == 5 and (levels is None or levels == 1):
        return (f"fuse='max' in {given.path} joins the {first.size(1)} levels, or take a head that reads "
                f'every level (mmseg_plugins.AdaptivePooling*, num_levels={first.size(1)})')
    if given.rois and first.dim() == 4 and isinstance(levels, int) and levels > 1:
        return f'num_levels=1 in {path}, or the extractor mmseg_plugins.AllLevelRoIExtractor, which gives every level'
    if isinstance(channels, (list, tuple)) and list(channels) != given.channels:
        return (f'in_channels={given.channels} in {path}, or other maps (out_indices of the backbone, num_outs of the '
                'neck)')
    if not given.rois and isinstance(levels, int) and levels != len(given.tensors):
        return (f'{levels} maps (num_outs={levels} of the neck), or {len(given.tensors)} entries in every setting of '
                f'{path} that counts levels')
    if isinstance(channels, int) and channels != first.size(-3):
        return (f'in_channels={first.size(-3)} in {path}, or out_channels={channels} in {given.path}'
                if len(set(given.channels)) == 1 else
                f'a neck that gives maps of {channels} channels each (FPN, mmseg_plugins.PANetFPN)')
    if given.rois and bins is not None and tuple(bins) != tuple(first.shape[-2:]):
        return (f'roi_layer.output_size of {given.path} and roi_feat_size of {path} must be equal')
    return (f'change {path} or {given.path} so that number, channels and sizes agree; if this check is '
            'wrong, --cfg-options compatibility_check=False leaves it out')


def _given(path: str, part: nn.Module, result: Any) -> Given | None:
    """A part's result as maps; None when it is something else."""
    tensors = [result] if isinstance(result, Tensor) else result
    if not isinstance(tensors, (list, tuple)) or not tensors:
        return None
    if not all(isinstance(tensor, Tensor) and tensor.dim() >= 4 for tensor in tensors):
        return None
    return Given(f'{path} ({type(part).__name__})', list(tensors), rois='roi' in path)


def _is_plain(model: nn.Module) -> bool:
    """Whether all heads of a detector or segmentor read all maps, as the hosts' do."""
    kinds = {cls.__name__ for cls in type(model).__mro__}
    return bool(kinds & set(PLAIN_MODELS)) and _of_a_host(getattr(type(model), 'extract_feat', model))


def _of_a_host(thing: Any) -> bool:
    return thing.__module__.split('.')[0] in HOSTS


def _members(path: str, part: Any) -> list[tuple[str, nn.Module]]:
    if isinstance(part, nn.ModuleList):
        return [(f'{path}[{index}]', member) for index, member in enumerate(part)]
    return [(path, part)] if isinstance(part, nn.Module) else []


def _required(part: nn.Module) -> list[str]:
    """Names of the arguments that ``forward`` cannot do without."""
    parameters = inspect.signature(part.forward).parameters.values()
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [p.name for p in parameters if p.default is p.empty and p.kind in kinds]


@contextmanager
def _left_as_it_was(model: nn.Module) -> Iterator[None]:
    """Evaluation mode, no gradient; afterwards modes and random generators are as before."""
    modes = {module: module.training for module in model.modules()}
    with preserved_rng(), torch.no_grad():
        model.eval()
        try:
            yield
        finally:
            for module, mode in modes.items():
                module.training = mode

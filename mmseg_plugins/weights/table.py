"""The released checkpoints that ``mmseg-plugins convert-weights`` reads: one row for each kind of file.

A row says where the file comes from, how its state dict is found, which function renames it, and which model the
result must fit.  What is particular to an implementation (order of classes, folded norms, what the config must
reproduce) stands at the top of its converter's module.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Literal

from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.utils.suggest import did_you_mean

FROM_DATASET = ('dataset', )  # class names of the config's training set
ITSELF = ('', )  # the file is the state dict
SEE_LIST = 'give one of the names that mmseg-plugins convert-weights --list shows.'
OURS = 'mmseg_plugins::'  # in front of the name of a config of this package


@dataclass(frozen=True)
class Option:
    """A setting of some rows.

    Attributes:
        kind: Its type.
        help: What it does, for the command's help.
    """

    kind: type[bool] | type[int]
    help: str


OPTIONS: dict[str, Option] = {
    'drop_last_class': Option(bool, 'leave the scores of the last class out (unlabeled pixels in the ports\' CamVid)'),
    'normalized': Option(bool, "keep torchvision's first layer, which reads normalized RGB (default: rewritten for BGR "
                         'pixels of 0 to 255)'),
    'seed': Option(int, "of the random choice of fc6's filters (default 0)"),
}


@dataclass(frozen=True, kw_only=True)
class Release:
    """One kind of released file.

    Attributes:
        name: What the command calls it.
        title: Network and origin, for lists and messages.
        code: Address of the code that wrote the file.
        convert: ``module:function`` below ``mmseg_plugins.weights``: from the original's tensors to ours.
        arguments: Fixed keyword arguments of that function.
        fits_model: The function also takes the model's ``state_dict``, as its second argument.
        file: ``'torch'``, ``'mxnet'`` (``.params``), ``'npz'`` or ``'pickle'`` (a pickled dict of arrays).
        keys: Where a torch file may hold the state dict; ``''`` is the file itself.
        left_out: Regular expression of the keys that have no place in the model; they are counted and reported.
        config: Default config below ``configs/``, or one for each number of classes; ``None`` makes ``--config``
            required.
        count_classes: ``module:function`` that gives this number from the original's tensors.
        module: Config of a part of a model that the weights are for, instead of a whole model: no config is asked for.
        part: Beginnings of the names in the model that the file must hold; all others keep their first values.
        norms: Whether the file holds the batch norms of the model.
        classes: Where class names come from: the config's data set, or known sets that have as many classes.
        num_classes: Attribute of the model with that number, for known sets.
        requires: Attributes of the model, and the value that these weights need there.
        options: Names in :data:`OPTIONS`.
    """

    name: str
    title: str
    code: str
    convert: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    fits_model: bool = False
    file: Literal['torch', 'mxnet', 'npz', 'pickle'] = 'torch'
    keys: tuple[str, ...] = ITSELF
    left_out: str = ''
    config: str | Mapping[int, str] | None = None
    count_classes: str = ''
    module: Mapping[str, Any] | None = None
    part: tuple[str, ...] = ('', )
    norms: bool = True
    classes: tuple[str, ...] = ()
    num_classes: str = ''
    requires: Mapping[str, Any] = field(default_factory=dict)
    options: tuple[str, ...] = ()

    def converter(self) -> Callable[..., dict]:
        """The function that ``convert`` names, imported now."""
        return imported(self.convert)

    def leaves_out(self, key: str) -> bool:
        """Whether a key of the original has no place in the model, by rule."""
        return bool(self.left_out) and re.fullmatch(self.left_out, key) is not None


def imported(path: str) -> Callable[..., Any]:
    """The function ``module:function`` below ``mmseg_plugins.weights``."""
    module, name = path.split(':')
    return getattr(import_module(f'mmseg_plugins.weights.{module}'), name)


_VGG16: dict[str, Any] = dict(
    code='https://github.com/pytorch/vision/blob/main/torchvision/models/vgg.py', keys=('', 'state_dict'))
_LAST_FC = r'(?:classifier\.6|fc8)\.(?:weight|bias)'
_FC = r'(?:classifier\.[036]|fc[678])\.(?:weight|bias)'
_KAZUTO: dict[str, Any] = dict(
    code='https://github.com/kazuto1011/deeplab-pytorch', convert='deeplabv2:convert_deeplabv2',
    config='deeplab/deeplabv2_r101-msc_20k-crop321_voc.py')
_MOBILENET: dict[str, Any] = dict(
    code='https://github.com/pytorch/vision/blob/main/torchvision/models/mobilenetv2.py',
    convert='torchvision_mobilenet_v2:convert_torchvision_mobilenet_v2',
    left_out=r'features\.18\..*|classifier\..*')
_HEADS = '(?:norm|fc_norm|lm_head|head)'  # of EVA
_CLASSIFIER = r'fc\.(?:weight|bias)'
_EVA: dict[str, Any] = dict(
    code='https://github.com/baaivision/EVA', convert='eva:convert_eva', fits_model=True)
_EVA_PRETRAINING: dict[str, Any] = dict(
    keys=('module', 'model', 'state_dict', ''), arguments=dict(kind='pretraining'),
    left_out=rf'(?:module\.)?(?:mask_token|(?:.+\.)?rope\.freqs_\w+|{_HEADS}\.(?:weight|bias))', **_EVA)
_FCIS: dict[str, Any] = dict(
    convert='fcis_detector:convert_fcis', count_classes='fcis_detector:count_classes',
    classes=('voc-objects', 'coco'), num_classes='roi_head.num_classes')

_INSTANCE = (
    Release(
        name='eva-detection', title='EVA and EVA-02 in Cascade Mask R-CNN (detectron2); --config names the size',
        keys=('model', ), arguments=dict(kind='detection'), left_out=r'backbone\.net\..*rope(?:_\w+)?\.freqs_\w+',
        classes=('coco', ), num_classes='roi_head.bbox_head.0.num_classes', **_EVA),
    Release(
        name='fcis-chainercv', title="FCIS ResNet-101, chainercv's .npz", code='https://github.com/chainer/chainercv',
        arguments=dict(convention='chainercv'), file='npz', left_out='extractor/.+/bn/N',
        config={80: 'fcis/fcis_r101-dc5-random-chainercv_8xb1-264k_coco.py',
                20: 'fcis/fcis_r101-dc5-random-chainercv_1xb1-236k_sbd.py'},
        requires={'roi_head.preset.name': 'chainercv'}, **_FCIS),
    Release(
        name='fcis-msracver', title="FCIS ResNet-101, the authors' MXNet .params",
        code='https://github.com/msracver/FCIS', arguments=dict(convention='msracver'), file='mxnet',
        left_out=r'(?:arg:|aux:)?fcis_bbox_(?:weight|bias)_test',
        config={80: 'fcis/fcis_r101-dc5_8xb1-240k_coco.py', 20: 'fcis/fcis_r101-dc5-random_4xb1-62k_sbd.py'},
        requires={'roi_head.preset.name': 'msracver'}, **_FCIS),
    Release(
        name='panet-official', title='PANet with group norm, the authors', code='https://github.com/ShuLiu1993/PANet',
        convert='panet:convert_panet', keys=('model', ),
        config='panet/panet_r50-path-pooling-fusion-4conv1fc_2x_coco.py', classes=('coco', ),
        num_classes='roi_head.bbox_head.num_classes'),
    Release(
        name='psenet-official', title='PSENet ResNet-50, the authors', code='https://github.com/whai362/PSENet',
        convert='psenet:convert_psenet', keys=('state_dict', ),
        config='psenet/psenet_r50-deepstem-k7_600e_ctw1500.py', classes=FROM_DATASET),
    Release(
        name='solo-official', title='SOLO, decoupled SOLO and SOLOv2, the authors; --config names the variant',
        code='https://github.com/WXinlong/SOLO', convert='solo:convert_solo', keys=('state_dict', ), classes=('coco', ),
        num_classes='mask_head.num_classes'),
)

_SEMANTIC = (
    Release(
        name='crfrnn-sadeepj', title='CRF-RNN over FCN-8s', code='https://github.com/sadeepj/crfasrnn_pytorch',
        convert='crfrnn:convert_crfrnn', config='crf/crfrnn_fcn8s-vgg16-caffe_100k_voc.py', classes=FROM_DATASET),
    Release(
        name='deconvnet-jasonlee1995', title='DeconvNet', code='https://github.com/Jasonlee1995/DeconvNet',
        convert='deconvnet:convert_deconvnet', keys=('', 'state_dict'),
        config='deconvnet/deconvnet_vgg16-stage2_40k-crop224_voc.py'),
    Release(
        name='deeplabv1-largefov', title='DeepLab v1 LargeFOV, ports of wangleihitcs and CoinCheung',
        code='https://github.com/wangleihitcs/DeepLab-V1-PyTorch', convert='deeplabv1:convert_largefov',
        config='deeplab/deeplabv1_vgg16-largefov_6k-crop321_voc.py', classes=('voc', ),
        num_classes='decode_head.num_classes'),
    Release(
        name='deeplabv2-kazuto1011', title='DeepLab v2 ResNet-101', classes=('voc', ),
        num_classes='decode_head.num_classes', **_KAZUTO),
    Release(
        name='deeplabv2-kazuto1011-backbone', title='DeepLab v2 ResNet-101 or its COCO start, the backbone alone',
        part=('backbone.', ), left_out=r'(?:module\.)?(?:base\.)?(?:fc|aspp\.c\d)\.(?:weight|bias)', **_KAZUTO),
    Release(
        name='dilation-official', title="DilatedNet under Caffe's layer names, the authors",
        code='https://github.com/fyu/dilation', convert='dilation:convert_dilation',
        config='dilation/dilation_vgg16-caffe-joint8_20k-crop628_camvid.py', classes=FROM_DATASET),
    Release(
        name='enet-davidtvs', title='ENet', code='https://github.com/davidtvs/PyTorch-ENet',
        convert='enet:convert_enet', keys=('state_dict', ), config='enet/enet_port_300e_camvid.py',
        classes=FROM_DATASET, options=('drop_last_class', )),
    Release(
        name='eva-segmentation', title='EVA-02 in UperNet (mmseg 0.x); --config names the size',
        keys=('state_dict', ''), arguments=dict(kind='segmentation'), left_out=r'backbone\..*rope\.freqs_\w+',
        classes=FROM_DATASET, **_EVA),
    Release(
        name='fc-densenet-bfortuner', title='FC-DenseNet 56, 67 and 103; --config names the depth',
        code='https://github.com/bfortuner/pytorch_tiramisu', convert='fc_densenet:convert_fc_densenet',
        keys=('state_dict', ), classes=FROM_DATASET, options=('drop_last_class', )),
    Release(
        name='fcn-caffe', title="FCN-32s, 16s and 8s under Caffe's blob names (fcn8s_from_caffe.pth)",
        code='https://github.com/wkentaro/pytorch-fcn', convert='fcn:convert_fcn',
        config='fcn/fcn8s_vgg16-caffe_100k_voc.py', classes=FROM_DATASET),
    Release(
        name='gcn-zijundeng', title='Global convolutional network',
        code='https://github.com/zijundeng/pytorch-semantic-segmentation', convert='gcn:convert_gcn',
        config='gcn/ablations/gcn_r152-k7-bilinear_crop512_voc.py', classes=FROM_DATASET),
    Release(
        name='linknet-official', title='LinkNet, both classes of the authors',
        code='https://github.com/e-lab/pytorch-linknet', convert='linknet:convert_linknet', keys=('state_dict', ),
        config='linknet/linknet_r18_300e-1024x512_cityscapes.py', classes=FROM_DATASET),
    Release(
        name='refinenet-drsleep', title='RefineNet (rf101) and Light-Weight RefineNet (rf_lw50, 101, 152, mbv2)',
        code='https://github.com/DrSleep/light-weight-refinenet', convert='refinenet:convert_refinenet',
        config='refinenet/refinenet_r101_crop400_voc.py', classes=FROM_DATASET),
    Release(
        name='segnet-meetps', title='SegNet', code='https://github.com/meetps/pytorch-semseg',
        convert='segnet:convert_segnet', keys=('model_state', ),
        config='segnet/segnet_vgg16-port_40k-360x480_camvid.py'),
    Release(
        name='unet-meetps', title='U-Net with is_deconv=True', code='https://github.com/meetps/pytorch-semseg',
        convert='unet:convert_unet', keys=('model_state', ), config='unet/unet_valid-border_20k-crop572_isbi.py',
        classes=FROM_DATASET),
)

_IMAGENET = (
    Release(
        name='eva-g-pretraining', title='EVA-g, pre-training or classification, for ViTAdapter',
        module=dict(type='mmseg_plugins.EVA', arch='g', with_cls_token=True), **_EVA_PRETRAINING),
    Release(
        name='eva-pretraining', title='EVA and EVA-02, pre-training or classification: the backbone of --config',
        part=('backbone.', ), **_EVA_PRETRAINING),
    Release(
        name='mobilenet-v2-torchvision', title='MobileNetV2 for mmseg.MobileNetV2', arguments=dict(expanded=False),
        module=dict(type='mmseg.MobileNetV2'), **_MOBILENET),
    Release(
        name='mobilenet-v2-torchvision-expanded', title='MobileNetV2 for mmseg_plugins.ExpandedMobileNetV2',
        arguments=dict(expanded=True), module=dict(type='mmseg_plugins.ExpandedMobileNetV2'), **_MOBILENET),
    *(Release(
        name=f'resnet{depth}-caffe{"-rgb" * rgb}',
        title=f"ResNet-{depth} of MSRA's Caffe net, Detectron's R-{depth}.pkl, for {'RGB' if rgb else 'BGR'} pixels",
        code='https://github.com/facebookresearch/detectron2', convert='caffe_resnet:convert_caffe_resnet',
        arguments=dict(rgb=rgb), file='pickle', module=dict(type='mmdet.ResNet', depth=depth, style='caffe'),
        left_out=r'conv1_b|(?:fc1000|pred)_[wb]|.*_momentum') for depth in (101, 50) for rgb in (False, True)),
    *(Release(
        name=f'resnet{depth}-deepstem', title=f'ResNet-{depth} with three convolutions in the stem, for PSENet',
        code='https://github.com/CSAILVision/semantic-segmentation-pytorch', keys=('', 'state_dict'),
        convert='deep_stem_resnet:convert_deep_stem_resnet', left_out=_CLASSIFIER,
        module=dict(type='mmdet.ResNet', depth=depth, deep_stem=True, stem_channels=128)) for depth in (101, 50)),
    Release(
        name='vgg16-deconvnet', title="VGG-16 for DeconvNet's encoder", convert='vgg16:convert_vgg16_encoder',
        module=dict(type='mmseg_plugins.DeconvNetEncoder'), norms=False, left_out=_LAST_FC, options=('normalized', ),
        **_VGG16),
    Release(
        name='vgg16-deeplab', title='VGG-16 for DeepLab v1 and v2 (LargeFOV, ASPP)',
        convert='vgg16:convert_vgg16_deeplab', fits_model=True,
        config='deeplab/deeplabv1_vgg16-largefov_6k-crop321_voc.py',
        part=('backbone.', 'decode_head.fc6.', 'decode_head.fc7.'), left_out=_LAST_FC, options=('seed', ), **_VGG16),
    Release(
        name='vgg16-fcn', title="VGG-16 under torchvision's or Caffe's names for FCN", convert='vgg16:read_vgg16',
        module=dict(type='mmseg_plugins.FCNVGG', depth=16), left_out=_LAST_FC, **_VGG16),
    Release(
        name='vgg16-segnet', title="VGG-16 for SegNet's encoder", convert='vgg16:convert_vgg16_encoder',
        module=dict(type='mmseg_plugins.SegNetEncoder'), norms=False, left_out=_FC, options=('normalized', ), **_VGG16),
)

RELEASES: dict[str, Release] = {row.name: row for row in (*_INSTANCE, *_SEMANTIC, *_IMAGENET)}


def find_release(name: str) -> Release:
    """The row called ``name``.

    Raises:
        UserError: no such row; the message names near ones.
    """
    if name not in RELEASES:
        longer = [known for known in RELEASES if known.startswith(name)]
        hint = f' (did you mean {" or ".join(longer)}?)' if name and longer else did_you_mean(name, RELEASES)
        raise UserError(f'{name!r} is no released checkpoint that can be converted{hint}.', fix=SEE_LIST)
    return RELEASES[name]


def listing(rows: Iterable[Release] = tuple(RELEASES.values())) -> str:
    """The table as text: per row its name, what it reads, where the code is, its config and its options."""
    blocks: list[str] = []
    for row in rows:
        configs = [row.config] if isinstance(row.config, str) else (row.config or {}).values()
        models = [row.module['type']] if row.module else [OURS + config for config in configs]
        lines = [row.name, f'    {row.title}', f'    code:   {row.code}',
                 f'    model:  {" or ".join(models) or "named by --config"}']
        if row.options:
            lines.append('    option: ' + ' '.join(f'--{name.replace("_", "-")}' for name in row.options))
        blocks += lines
    return '\n'.join(blocks)

"""For each row of the table: an official file of the released shapes, and where a few of its tensors must end up.

Every tensor is one number expanded to the released shape, so that files of 500 MB take a few kB and each number tells
which key it comes from.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import official_eva
import torch
from official_dilation import context_params, frontend_params
from official_enet import port_params as enet_params
from official_fc_densenet import NETS
from official_fc_densenet import port_params as fc_densenet_params
from official_fcis import chainer_params, mxnet_params, write_params
from official_fcn import official_params as fcn_params
from official_gcn import gcn_params
from official_linknet import official_params as linknet_params
from official_mobilenet import torchvision_params
from official_panet import official_params as panet_params
from official_psenet import official_params as psenet_params
from official_refinenet import refinenet_params
from official_segnet import deconvnet_params, segnet_params
from official_solo import solov2_light_r18
from official_unet import official_params as unet_params
from slow_deeplab import largefov_params, resnet_params
from tiny_models import CONFIGS
from torch import Tensor

from mmseg_plugins.weights.table import RELEASES
from mmseg_plugins.weights.vgg16 import CAFFE_CONVS

SMALL = {2: 3, 3: 4, 4: 6, 5: 3}  # blocks of ResNet-50
MATRICES = ('spatial_ker_weights', 'bilateral_ker_weights', 'compatibility_matrix')


@dataclass(frozen=True, kw_only=True)
class Case:
    """What one row reads and gives.

    Attributes:
        params: Name -> shape of the official file.
        same: Official key -> our key of tensors whose numbers do not change.
        classes: Number and first of the class names that the checkpoint states.
        config: Below ``configs/``, for rows without a default.
        depth: Of the config's ResNet, where it is not the released one, to save time.
        options: Of the row.
        left_out: How many keys have no place.
        target: What the checkpoint says it fits: end of the config's path, or a module.
    """

    params: Mapping[str, tuple[int, ...]]
    same: Mapping[str, str]
    target: str
    classes: tuple[int, str] | None = None
    config: str | None = None
    depth: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    left_out: int = 0


def vgg16_params(caffe: bool = False) -> dict[str, tuple[int, ...]]:
    """ImageNet's classifier under torchvision's or Caffe's names; fully connected layers are matrices."""
    convs = {name: shape for name, shape in fcn_params(32).items() if name.startswith('conv')}
    tops = {'fc6': (4096, 25088), 'fc7': (4096, 4096), 'fc8': (1000, 4096)}
    shapes = convs | {f'{fc}.{param}': shape[:length] for fc, shape in tops.items()
                      for param, length in (('weight', 2), ('bias', 1))}
    if caffe:
        return shapes
    names = {f'conv{key}': f'features.{place}' for key, place in CAFFE_CONVS.items()}
    names |= {f'fc{6 + i}': f'classifier.{3 * i}' for i in range(3)}
    return {f'{names[key.partition(".")[0]]}.{key.partition(".")[2]}': shape for key, shape in shapes.items()}


def caffe_resnet_params(third: int) -> dict[str, tuple[int, ...]]:
    """Detectron's names of MSRA's ResNet with folded norms; ``third`` is the number of blocks of its third stage."""
    norm = {'conv1_w': (64, 3, 7, 7), 'conv1_b': (64, ), 'fc1000_w': (1000, 2048), 'fc1000_b': (1000, )}
    norm |= {f'res_conv1_bn_{param}': (64, ) for param in 'sb'}
    width = 64
    for stage, blocks in ((2, 3), (3, 4), (4, third), (5, 3)):
        inner = 64 * 2**(stage - 2)
        for block in range(blocks):
            layers = {'branch2a': (inner, width, 1, 1), 'branch2b': (inner, inner, 3, 3),
                      'branch2c': (4 * inner, inner, 1, 1)}
            if block == 0:
                layers['branch1'] = (4 * inner, width, 1, 1)
            for branch, shape in layers.items():
                name = f'res{stage}_{block}_{branch}'
                norm |= {f'{name}_w': shape, f'{name}_bn_s': shape[:1], f'{name}_bn_b': shape[:1]}
            width = 4 * inner
    return norm


def deep_stem_params(third: int) -> dict[str, tuple[int, ...]]:
    """torchvision's names behind a stem of three convolutions, from a torch that does not count batches."""
    moments = ('weight', 'bias', 'running_mean', 'running_var')
    params: dict[str, tuple[int, ...]] = {'fc.weight': (1000, 2048), 'fc.bias': (1000, )}
    for i, (out, channels) in enumerate(((64, 3), (64, 64), (128, 64)), 1):
        params |= {f'conv{i}.weight': (out, channels, 3, 3), **{f'bn{i}.{m}': (out, ) for m in moments}}
    names = {'branch2a': ('conv1', 'bn1'), 'branch2b': ('conv2', 'bn2'), 'branch2c': ('conv3', 'bn3'),
             'branch1': ('downsample.0', 'downsample.1')}
    for key, shape in caffe_resnet_params(third).items():
        if key.startswith('res') and key.endswith('_w'):
            stage, block, branch, _ = key.split('_')
            conv, norm = names[branch]
            layer = f'layer{int(stage[3]) - 1}.{block}'
            shape = (shape[0], 128, 1, 1) if layer == 'layer1.0' and branch in ('branch1', 'branch2a') else shape
            params |= {f'{layer}.{conv}.weight': shape, **{f'{layer}.{norm}.{m}': shape[:1] for m in moments}}
    return params


def resnets() -> dict[str, Case]:
    """ImageNet's ResNets of two origins, in the order of their names."""
    cases = {}
    for depth, third in ((101, 23), (50, 6)):
        for pixels in ('', '-rgb'):
            cases[f'resnet{depth}-caffe{pixels}'] = Case(
                params=caffe_resnet_params(third), left_out=3, target='mmdet.ResNet',
                same={'res_conv1_bn_b': 'bn1.bias', 'res3_0_branch1_bn_s': 'layer2.0.downsample.1.weight',
                      'res5_2_branch2b_w': 'layer4.2.conv2.weight'})
        cases[f'resnet{depth}-deepstem'] = Case(
            params=deep_stem_params(third), left_out=2, target='mmdet.ResNet',
            same={'bn3.running_var': 'stem.7.running_var', 'conv2.weight': 'stem.3.weight'})
    return cases


VOC = (21, 'background')
EVA02_B, EVA = (768, 12, 2048), 'eva02/cascade-mask-rcnn_eva02-b-sfp'
CASES = {
    'crfrnn-sadeepj': Case(
        params=fcn_params(8, num_classes=21, bias2=True) | {f'crfrnn.{name}': (21, 21) for name in MATRICES},
        same={'crfrnn.compatibility_matrix': 'decode_head.crfrnn.compatibility_matrix',
              'conv5_3.bias': 'backbone.net.features.28.bias'},
        target='crf/crfrnn_fcn8s-vgg16-caffe_100k_voc.py', classes=VOC),
    'deconvnet-jasonlee1995': Case(
        params=deconvnet_params(), same={'deconv1.6.bias': 'decode_head.classifier.bias'},
        target='deconvnet/deconvnet_vgg16-stage2_40k-crop224_voc.py'),
    'deeplabv1-largefov': Case(
        params=largefov_params(num_classes=21), same={'features.38.bias': 'decode_head.fc8.0.bias'},
        target='deeplab/deeplabv1_vgg16-largefov_6k-crop321_voc.py', classes=VOC),
    'deeplabv2-kazuto1011': Case(
        params=resnet_params(num_classes=21), same={'base.aspp.c3.bias': 'decode_head.branches.3.bias'},
        target='deeplab/deeplabv2_r101-msc_20k-crop321_voc.py', classes=VOC),
    'deeplabv2-kazuto1011-backbone': Case(
        params=resnet_params(num_classes=91),
        same={'base.layer5.block1.shortcut.bn.bias': 'backbone.layer4.0.downsample.1.bias'}, left_out=8,
        target='deeplab/deeplabv2_r101-msc_20k-crop321_voc.py'),
    'dilation-official': Case(
        params={**frontend_params(11, 64, 4096), **context_params(11, 'basic8')},
        same={'ctx_final.bias': 'decode_head.context.final.bias', 'conv1_1.weight': 'backbone.net.features.0.weight'},
        target='dilation/dilation_vgg16-caffe-joint8_20k-crop628_camvid.py', classes=(11, 'sky')),
    'enet-davidtvs': Case(
        params=enet_params(12), options=dict(drop_last_class=True),
        same={'regular5_1.ext_conv3.1.bias': 'decode_head.stage5.0.expand.1.bias'},
        target='enet/enet_port_300e_camvid.py', classes=(11, 'sky')),
    'eva-detection': Case(
        params=official_eva.detection(*EVA02_B), left_out=3, classes=(80, 'person'), config=f'{EVA}_1024-60k_coco.py',
        target=f'{EVA}_1024-60k_coco.py',
        same={'backbone.simfp_2.4.norm.bias': 'neck.convs.0.1.bias',
              'roi_heads.box_head.2.conv4.norm.bias': 'roi_head.bbox_head.2.shared_convs.3.ln.bias',
              'backbone.net.blocks.11.mlp.ffn_ln.bias': 'backbone.blocks.11.mlp.ffn_ln.bias'}),
    'eva-g-pretraining': Case(
        params=official_eva.pretraining(1408, 40, 6144, 768, kind='gelu', tables=0), left_out=5,
        target='mmseg_plugins.EVA', same={'cls_token': 'cls_token', 'pos_embed': 'pos_embed',
                                          'blocks.39.mlp.fc1.bias': 'blocks.39.mlp.fc1.bias'}),
    'eva-pretraining': Case(
        params=official_eva.pretraining(*EVA02_B, patch=14, rows=257), left_out=31, config=f'{EVA}_1024-60k_coco.py',
        target=f'{EVA}_1024-60k_coco.py',
        same={'blocks.11.mlp.w3.bias': 'backbone.blocks.11.mlp.w3.bias',
              'blocks.0.attn.v_bias': 'backbone.blocks.0.attn.v_bias'}),
    'eva-segmentation': Case(
        params=official_eva.segmentation(*EVA02_B), left_out=26, classes=(150, 'wall'),
        config='eva02/upernet_eva02-b_512-60k_ade20k.py', target='eva02/upernet_eva02-b_512-60k_ade20k.py',
        same={'backbone.cls_token': 'backbone.cls_token', 'backbone.pos_embed': 'backbone.pos_embed',
              'backbone.fpn1.3.bias': 'neck.upsample_4x.3.bias',
              'decode_head.conv_seg.bias': 'decode_head.conv_seg.bias'}),
    'fc-densenet-bfortuner': Case(
        params=fc_densenet_params(*NETS[56], 12), options=dict(drop_last_class=True),
        same={'bottleneck.bottleneck.layers.3.conv.bias': 'backbone.bottleneck.layers.3.conv.bias'},
        config='fc_densenet/fc-densenet_56_finetune_camvid.py',
        target='fc_densenet/fc-densenet_56_finetune_camvid.py', classes=(11, 'sky')),
    'fcis-chainercv': Case(
        params=chainer_params(12, 80, SMALL), left_out=53, depth=50,
        same={'head/cls_seg/b': 'roi_head.score_maps.cls_seg.bias', 'rpn/conv1/b': 'rpn_head.rpn_conv.bias'},
        config='fcis/fcis_r101-dc5-random-chainercv_8xb1-264k_coco.py', target='fcis-chainercv.py',
        classes=(80, 'person')),
    'fcis-msracver': Case(
        params=mxnet_params(9, 20, SMALL), same={'arg:fcis_bbox_bias': 'roi_head.score_maps.bbox.bias'}, left_out=2,
        config='fcis/fcis_r101-dc5-random_4xb1-62k_sbd.py', depth=50, target='fcis-msracver.py',
        classes=(20, 'aeroplane')),
    'fcn-caffe': Case(
        params=fcn_params(8, num_classes=21), same={'conv5_3.weight': 'backbone.net.features.28.weight'},
        target='fcn/fcn8s_vgg16-caffe_100k_voc.py', classes=VOC),
    'gcn-zijundeng': Case(
        params=gcn_params((3, 8, 36, 3)), same={'brm9.conv2.bias': 'decode_head.refine_sums.0.conv2.bias'},
        target='gcn/ablations/gcn_r152-k7-bilinear_crop512_voc.py', classes=VOC),
    'linknet-official': Case(
        params={f'module.{name}': shape for name, shape in linknet_params(19, torchvision=True).items()},
        same={'module.tp_conv2.bias': 'decode_head.tp_conv2.bias'},
        target='linknet/linknet_r18_300e-1024x512_cityscapes.py', classes=(19, 'road')),
    'mobilenet-v2-torchvision': Case(
        params=torchvision_params(), same={'features.17.conv.2.weight': 'layer7.0.conv.2.conv.weight'}, left_out=8,
        target='mmseg.MobileNetV2'),
    'mobilenet-v2-torchvision-expanded': Case(
        params=torchvision_params(), same={'features.1.conv.1.weight': 'layer1.0.conv.2.conv.weight'}, left_out=8,
        target='mmseg_plugins.ExpandedMobileNetV2'),
    'panet-official': Case(
        params=panet_params(),
        same={'Conv_Body.panet_buttomup_conv2_modules.0.0.bias': 'neck.upper_convs.0.conv.bias'},
        target='panet/panet_r50-path-pooling-fusion-4conv1fc_2x_coco.py', classes=(80, 'person')),
    'psenet-official': Case(
        params={f'module.{name}': shape for name, shape in psenet_params().items()},
        same={'module.det_head.conv2.bias': 'mask_head.kernels.bias'},
        target='psenet/psenet_r50-deepstem-k7_600e_ctw1500.py', classes=(1, 'text')),
    'refinenet-drsleep': Case(
        params=refinenet_params((3, 4, 23, 3), light=False), same={'clf_conv.bias': 'decode_head.classifier.bias'},
        target='refinenet/refinenet_r101_crop400_voc.py', classes=VOC),
    **resnets(),
    'segnet-meetps': Case(
        params=segnet_params(), same={'up1.conv2.cbr_unit.0.bias': 'decode_head.classifier.0.conv.bias'},
        target='segnet/segnet_vgg16-port_40k-360x480_camvid.py'),
    'solo-official': Case(
        params=solov2_light_r18(), config='solo/solov2-light_r18-448_3x_coco.py',
        same={'mask_feat_head.conv_pred.0.gn.bias': 'mask_head.mask_feature_head.conv_pred.gn.bias'},
        target='solo/solov2-light_r18-448_3x_coco.py', classes=(80, 'person')),
    'unet-meetps': Case(
        params=unet_params(2, 64), same={'final.bias': 'decode_head.classify.bias'},
        target='unet/unet_valid-border_20k-crop572_isbi.py', classes=(2, 'membrane')),
    'vgg16-deconvnet': Case(
        params=vgg16_params(), same={'classifier.3.bias': 'fc.1.conv.bias', 'features.28.weight': 'features.40.weight'},
        left_out=2, target='mmseg_plugins.DeconvNetEncoder'),
    'vgg16-deeplab': Case(
        params=vgg16_params(), same={'features.28.weight': 'backbone.features.28.weight'}, left_out=2,
        options=dict(seed=3), target='deeplab/deeplabv1_vgg16-largefov_6k-crop321_voc.py'),
    'vgg16-fcn': Case(
        params=vgg16_params(caffe=True), same={'conv1_1.weight': 'features.0.weight', 'fc7.bias': 'fc7.bias'},
        left_out=2, target='mmseg_plugins.FCNVGG'),
    'vgg16-segnet': Case(
        params=vgg16_params(), same={'features.0.weight': 'features.0.weight'}, options=dict(normalized=True),
        left_out=6, target='mmseg_plugins.SegNetEncoder'),
}


def numbered(params: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """A number per key, expanded to its shape; batch counters are whole numbers."""
    return {name: torch.full((), i, dtype=torch.long if name.endswith('num_batches_tracked') else torch.float)
            .expand(shape) for i, (name, shape) in enumerate(params.items())}


def save(name: str, tensors: Mapping[str, Tensor], path: Path) -> Path:
    """Write tensors as the row's original would."""
    release = RELEASES[name]
    if release.file == 'torch':
        torch.save({release.keys[0]: dict(tensors), 'epoch': 3} if release.keys[0] else dict(tensors), path)
    elif release.file == 'mxnet':
        write_params(path, tensors)
    elif release.file == 'pickle':
        path.write_bytes(pickle.dumps({key: tensor.numpy() for key, tensor in tensors.items()}, protocol=2))
    else:
        with open(path, 'wb') as file:  # np.savez would add .npz
            np.savez(file, **{key: tensor.numpy() for key, tensor in tensors.items()})
    return path


def small(name: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors as one byte per number where the format stores every one of them."""
    if RELEASES[name].file == 'torch':
        return dict(tensors)
    return {key: tensor.remainder(100).to(torch.uint8) for key, tensor in tensors.items()}


def config_of(name: str, folder: Path) -> str | None:
    """The config that the row needs to be told; one with another depth is written into ``folder``."""
    case = CASES[name]
    if case.config is None or case.depth is None:
        return case.config and str(CONFIGS / case.config)
    path = folder / f'{name}.py'
    path.write_text(f"_base_ = '{CONFIGS / case.config}'\nmodel = dict(backbone=dict(depth={case.depth}))\n")
    return str(path)

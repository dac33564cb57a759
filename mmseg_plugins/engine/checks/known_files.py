"""Where the files come from that configs of this package start from.

``checkpoints/*.pth`` are converted by one command; ``work_dirs/CONFIG/*.pth`` are results of another config.  A recipe
that starts from pre-trained weights stops where they are absent; its message then says how to get them.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from mmseg_plugins.config.paths import iter_configs


class Origin(NamedTuple):
    """How a file is made.

    Attributes:
        release: Row of ``mmseg-plugins convert-weights``.
        source: The released file, which the user fetches.
        what: Its address, or what it is where no public address serves it.
        pixels: What its first convolution reads, one of ``PIXELS``: the preprocessor of a config that starts from it
            must give the same.
        config: What the command needs with ``--config``; empty where it needs none.
        whole: Beginnings of the model's names that the file holds completely, where other layers of it begin anew.
    """

    release: str
    source: str
    what: str
    pixels: str
    config: str = ''
    whole: tuple[str, ...] = ()


#: Channels and range of pixels.  The mean is taken out of all; "normalized" ones are divided by ImageNet's deviation.
PIXELS = (BGR, RGB, NORMALIZED) = ('BGR, 0 to 255', 'RGB, 0 to 255', 'RGB, normalized')

_VGG16 = ('vgg16-397923af.pth', 'https://download.pytorch.org/models/vgg16-397923af.pth')
_CAFFE_VGG16 = ('VGG16.pth', 'a VGG-16 trained in Caffe, under the names of Caffe or torchvision')
_MSRA = 'https://dl.fbaipublicfiles.com/detectron2/ImageNetPretrained/MSRA'
_CSAIL = 'http://sceneparsing.csail.mit.edu/model/pretrained_resnet'
_EVA02 = 'https://huggingface.co/Yuxin-CV/EVA-02/blob/main/eva02/pt'


def _eva02(size: str, data: str, config: str) -> Origin:
    source = f'eva02_{size}_pt_{data}_p14to16.pt'
    return Origin('eva-pretraining', source, f'{_EVA02}/{source}', NORMALIZED, f'mmseg_plugins::eva02/{config}')


def _deeplab(config: str) -> Origin:
    whole = ('backbone.', 'decode_head.fc6.', 'decode_head.fc7.')
    return Origin('vgg16-deeplab', *_VGG16, NORMALIZED, f'mmseg_plugins::deeplab/{config}', whole)


#: Name of the file -> its origin.
ORIGINS: dict[str, Origin] = {
    'resnet50_caffe.pth': Origin('resnet50-caffe', 'R-50.pkl', f'{_MSRA}/R-50.pkl', BGR),
    'resnet101_caffe_rgb.pth': Origin('resnet101-caffe-rgb', 'R-101.pkl', f'{_MSRA}/R-101.pkl', RGB),
    'resnet50_deepstem.pth': Origin('resnet50-deepstem', 'resnet50-imagenet.pth', f'{_CSAIL}/resnet50-imagenet.pth',
                                     NORMALIZED),
    'vgg16_deconvnet.pth': Origin('vgg16-deconvnet', *_VGG16, BGR),
    'vgg16_encoder.pth': Origin('vgg16-segnet', *_VGG16, BGR),
    'vgg16_caffe.pth': Origin('vgg16-fcn', *_CAFFE_VGG16, BGR),
    'vgg16_largefov.pth': _deeplab('deeplabv1_vgg16-largefov_6k-crop321_voc.py'),
    'vgg16_msc-largefov.pth': _deeplab('deeplabv1_vgg16-msc-largefov_6k-crop321_voc.py'),
    'vgg16_aspp.pth': _deeplab('deeplabv2_vgg16-aspp-l_20k-crop321_voc.py'),
    'mobilenet_v2_expanded.pth': Origin('mobilenet-v2-torchvision-expanded', 'mobilenet_v2-7ebf99e0.pth',
                                        'https://download.pytorch.org/models/mobilenet_v2-7ebf99e0.pth', NORMALIZED),
    'deeplabv2_r101_coco.pth': Origin('deeplabv2-kazuto1011-backbone', 'deeplabv1_resnet101-coco.pth',
                                      'https://github.com/kazuto1011/deeplab-pytorch', BGR),
    'eva02_b_det.pth': _eva02('B', 'in21k', 'cascade-mask-rcnn_eva02-b-sfp_1024-60k_coco.py'),
    'eva02_l_det.pth': _eva02('L', 'm38m', 'cascade-mask-rcnn_eva02-l-sfp_1024-60k_coco.py'),
    'eva_g.pth': Origin('eva-g-pretraining', 'eva_psz14to16.pt',
                        'https://huggingface.co/BAAI/EVA/blob/main/eva_psz14to16.pt', NORMALIZED),
    'eva_g_det.pth': Origin('eva-pretraining', 'eva_psz14to16.pt',
                            'https://huggingface.co/BAAI/EVA/blob/main/eva_psz14to16.pt', NORMALIZED,
                            'mmseg_plugins::eva02/cascade-mask-rcnn_eva-g-sfp_1280-45k_coco.py'),
    'eva02_b_seg.pth': _eva02('B', 'in21k', 'upernet_eva02-b_512-60k_ade20k.py'),
    'eva02_l_seg.pth': _eva02('L', 'm38m', 'upernet_eva02-l_512-80k_ade20k.py'),
}


def how_to_get(path: str) -> str:
    """The command that makes a file, and where its source is; empty for files of the user's own."""
    origin = ORIGINS.get(os.path.basename(path))
    if origin is None:
        return _training_of(path)
    command = f'mmseg-plugins convert-weights {origin.release} {origin.source} {path}'
    config = f' --config {origin.config}' if origin.config else ''
    return f'{command}{config} ({origin.source}: {origin.what})'


def _training_of(path: str) -> str:
    """The command of the training whose default working folder holds a file; empty when no config has this name."""
    folder = Path(path).parent
    known = folder.parent.name == 'work_dirs' and any(config.stem == folder.name for config in iter_configs())
    return f'mmseg-plugins train {folder.name}' if known else ''

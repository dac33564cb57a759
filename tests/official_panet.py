"""The released PANet, R-50: its parameter names and shapes, and slow forward passes, from its description."""

import torch.nn.functional as F

BLOCKS = {2: 3, 3: 4, 4: 6, 5: 3}


class _Shapes(dict):
    """Name -> shape, filled layer by layer."""

    def conv(self, name, out, inp, k, bias=False):
        self[f'{name}.weight'] = (out, inp, k, k)
        if bias:
            self[f'{name}.bias'] = (out, )

    def norm(self, name, channels):
        self[f'{name}.weight'] = self[f'{name}.bias'] = (channels, )

    def fc(self, name, out, inp):
        self[f'{name}.weight'], self[f'{name}.bias'] = (out, inp), (out, )

    def conv_gn(self, name, out, inp, k, bias=False, first=0):
        self.conv(f'{name}.{first}', out, inp, k, bias)
        self.norm(f'{name}.{first + 1}', out)


def official_params(num_classes=81):
    """Name -> shape of the whole released mask model (4conv1fc box head)."""
    params = _Shapes()
    _backbone_params(params)
    _neck_params(params)
    _head_params(params, num_classes)
    return dict(params)


def _backbone_params(params):
    body = 'Conv_Body.conv_body'
    params.conv(f'{body}.res1.conv1', 64, 3, 7)
    params.norm(f'{body}.res1.bn1', 64)
    channels = 64
    for stage, count in BLOCKS.items():
        width = 64 * 2**(stage - 2)
        for i in range(count):
            block = f'{body}.res{stage}.{i}'
            for j, (out, inp, k) in enumerate([(width, channels, 1), (width, width, 3), (4 * width, width, 1)], 1):
                params.conv(f'{block}.conv{j}', out, inp, k)
                params.norm(f'{block}.bn{j}', out)
            if i == 0:
                params.conv(f'{block}.downsample.0', 4 * width, channels, 1)
                params.norm(f'{block}.downsample.1', 4 * width)
            channels = 4 * width


def _neck_params(params):
    params.conv_gn('Conv_Body.conv_top', 256, 2048, 1)
    for i, inp in enumerate([1024, 512, 256]):
        params.conv_gn(f'Conv_Body.topdown_lateral_modules.{i}.conv_lateral', 256, inp, 1)
    for i in range(4):
        params.conv_gn(f'Conv_Body.posthoc_modules.{i}', 256, 256, 3)
    for i in range(3):
        params.conv_gn(f'Conv_Body.panet_buttomup_conv1_modules.{i}', 256, 256, 3, bias=True)
        params.conv_gn(f'Conv_Body.panet_buttomup_conv2_modules.{i}', 256, 256, 3, bias=True)


def _head_params(params, num_classes):
    params.conv('RPN.FPN_RPN_conv', 256, 256, 3, bias=True)
    params.conv('RPN.FPN_RPN_cls_score', 3, 256, 1, bias=True)
    params.conv('RPN.FPN_RPN_bbox_pred', 12, 256, 1, bias=True)
    for i in range(4):
        params.conv_gn(f'Box_Head.conv1_head.{i}', 256, 256, 3)
        params.conv_gn(f'Mask_Head.mask_conv1.{i}', 256, 256, 3)
    for first in (0, 3, 6):
        params.conv_gn('Box_Head.convs', 256, 256, 3, first=first)
    params.fc('Box_Head.fc', 1024, 256 * 49)
    params.fc('Box_Outs.cls_score', num_classes, 1024)
    params.fc('Box_Outs.bbox_pred', 4 * num_classes, 1024)
    for first in (0, 3):
        params.conv_gn('Mask_Head.conv_fcn', 256, 256, 3, first=first)
    params.conv_gn('Mask_Head.mask_conv4', 256, 256, 3)
    params.conv_gn('Mask_Head.mask_conv4_fc', 256, 256, 3)
    params.conv_gn('Mask_Head.mask_conv5_fc', 128, 256, 3)
    params.fc('Mask_Head.mask_fc.0', 784, 128 * 196)
    params['Mask_Head.upconv.weight'], params['Mask_Head.upconv.bias'] = (256, 256, 2, 2), (256, )
    params.conv('Mask_Outs.classify', num_classes, 256, 1, bias=True)


def official_backbone(weights, x):
    """C2..C5 of the frozen caffe ResNet-50: scale and shift instead of batch norm, stride on the first convolution."""

    def conv_affine(block, conv, bn, x, stride=1):
        w = weights[f'{block}.{conv}.weight']
        x = F.conv2d(x, w, stride=stride, padding=w.shape[-1] // 2)
        scale, shift = weights[f'{block}.{bn}.weight'], weights[f'{block}.{bn}.bias']
        return x * scale[:, None, None] + shift[:, None, None]

    body = 'Conv_Body.conv_body'
    x = F.max_pool2d(conv_affine(f'{body}.res1', 'conv1', 'bn1', x, 2).relu(), 3, 2, 1)
    outs = []
    for stage, count in BLOCKS.items():
        for i in range(count):
            block, stride = f'{body}.res{stage}.{i}', 2 if stage > 2 and i == 0 else 1
            y = conv_affine(block, 'conv1', 'bn1', x, stride).relu()
            y = conv_affine(block, 'conv2', 'bn2', y).relu()
            y = conv_affine(block, 'conv3', 'bn3', y)
            short = conv_affine(block, 'downsample.0', 'downsample.1', x, stride) if i == 0 else x
            x = (y + short).relu()
        outs.append(x)
    return outs


def official_rpn(weights, x):
    """Objectness logits and deltas of one level."""
    x = F.conv2d(x, weights['RPN.FPN_RPN_conv.weight'], weights['RPN.FPN_RPN_conv.bias'], padding=1).relu()
    return [
        F.conv2d(x, weights[f'RPN.FPN_RPN_{name}.weight'], weights[f'RPN.FPN_RPN_{name}.bias'])
        for name in ('cls_score', 'bbox_pred')
    ]

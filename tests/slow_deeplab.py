"""DeepLab v1 LargeFOV and v2 ResNet as their PyTorch ports compute them: names, shapes and slow forward passes."""

from __future__ import annotations

import torch
import torch.nn.functional as F

TRUNK = [[0, 2], [5, 7], [10, 12, 14], [17, 19, 21], [24, 26, 28]]  # of ``features``


def largefov_params(width=64, fc=1024, num_classes=5):
    """Name -> shape of wangleihitcs' VGG16_LargeFOV."""
    params, channels = {}, 3
    for stage, numbers in enumerate(TRUNK):
        for number in numbers:
            out = width * 2**min(stage, 3)
            params[f'features.{number}.weight'], params[f'features.{number}.bias'] = (out, channels, 3, 3), (out, )
            channels = out
    for number, shape in ((32, (fc, channels, 3, 3)), (35, (fc, fc, 1, 1)), (38, (num_classes, fc, 1, 1))):
        params[f'features.{number}.weight'], params[f'features.{number}.bias'] = shape, shape[:1]
    return params


def largefov_forward(weights, x):
    """Scores at stride 8, pools rounding down, no dropout."""

    def conv(number, x, dilation=1):
        w = weights[f'features.{number}.weight']
        return F.conv2d(x, w, weights[f'features.{number}.bias'], padding=dilation * (w.shape[-1] // 2),
                        dilation=dilation)

    for stage, numbers in enumerate(TRUNK):
        for number in numbers:
            x = conv(number, x, 2 if stage == 4 else 1).relu()
        x = F.max_pool2d(x, 3, 2 if stage < 3 else 1, 1)
    x = F.avg_pool2d(x, 3, 1, 1)
    return conv(38, conv(35, conv(32, x, 12).relu()).relu())


def resnet_params(blocks=(3, 4, 23, 3), width=64, num_classes=5, rates=4):
    """Name -> shape of kazuto1011's DeepLabV2_ResNet101_MSC."""
    params = {}

    def conv_bn(name, out, inp, k):
        params[f'base.{name}.conv.weight'] = (out, inp, k, k)
        for part in ('weight', 'bias', 'running_mean', 'running_var'):
            params[f'base.{name}.bn.{part}'] = (out, )
        params[f'base.{name}.bn.num_batches_tracked'] = ()

    conv_bn('layer1.conv1', 64, 3, 7)
    channels = 64
    for stage, count in enumerate(blocks):
        mid = width * 2**stage
        for i in range(1, count + 1):
            block = f'layer{stage + 2}.block{i}'
            conv_bn(f'{block}.reduce', mid, channels, 1)
            conv_bn(f'{block}.conv3x3', mid, mid, 3)
            conv_bn(f'{block}.increase', 4 * mid, mid, 1)
            if i == 1:
                conv_bn(f'{block}.shortcut', 4 * mid, channels, 1)
            channels = 4 * mid
    for i in range(rates):
        params[f'base.aspp.c{i}.weight'] = (num_classes, channels, 3, 3)
        params[f'base.aspp.c{i}.bias'] = (num_classes, )
    return params


def resnet_forward(weights, x, blocks=(3, 4, 23, 3), rates=(6, 12, 18, 24)):
    """Scores of one scale, batch norms in evaluation."""

    def conv_bn(name, x, stride=1, dilation=1, relu=True):
        w = weights[f'base.{name}.conv.weight']
        x = F.conv2d(x, w, stride=stride, padding=dilation * (w.shape[-1] // 2), dilation=dilation)
        x = F.batch_norm(x, *(weights[f'base.{name}.bn.{p}']
                              for p in ('running_mean', 'running_var', 'weight', 'bias')), eps=1e-5)
        return x.relu() if relu else x

    x = F.max_pool2d(conv_bn('layer1.conv1', x, 2), 3, 2, 1, ceil_mode=True)
    for stage, (count, stride, dilation) in enumerate(zip(blocks, (1, 2, 1, 1), (1, 1, 2, 4), strict=True)):
        for i in range(1, count + 1):
            block, step = f'layer{stage + 2}.block{i}', stride if i == 1 else 1
            y = conv_bn(f'{block}.conv3x3', conv_bn(f'{block}.reduce', x, step), dilation=dilation)
            y = conv_bn(f'{block}.increase', y, relu=False)
            x = (y + (conv_bn(f'{block}.shortcut', x, step, relu=False) if i == 1 else x)).relu()
    return sum(
        F.conv2d(x, weights[f'base.aspp.c{i}.weight'], weights[f'base.aspp.c{i}.bias'], padding=rate, dilation=rate)
        for i, rate in enumerate(rates))


def msc_scores(weights, x, scales=(1.0, 0.5, 0.75), **kwargs):
    """Scores of each scale on its own grid, and their maximum on the first's."""
    own = [resnet_forward(weights, x, **kwargs)]
    for scale in scales[1:]:
        small = F.interpolate(x, scale_factor=scale, mode='bilinear', align_corners=False)
        own.append(resnet_forward(weights, small, **kwargs))
    same = [F.interpolate(s, size=own[0].shape[2:], mode='bilinear', align_corners=False) for s in own]
    return own, torch.stack(same).max(0)[0]

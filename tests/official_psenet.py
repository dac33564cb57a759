"""The released PSENet, R-50: its parameter names and shapes, and a slow forward pass, from its description."""

import torch
import torch.nn.functional as F

BLOCKS = {1: 3, 2: 4, 3: 6, 4: 3}


def official_params(num_kernels=7):
    """Name -> shape of the whole released model."""
    params = {}

    def norm(name, channels):
        for part in ('weight', 'bias', 'running_mean', 'running_var'):
            params[f'{name}.{part}'] = (channels, )
        params[f'{name}.num_batches_tracked'] = ()

    for i, (out, inp) in enumerate([(64, 3), (64, 64), (128, 64)], start=1):
        params[f'backbone.conv{i}.weight'] = (out, inp, 3, 3)
        norm(f'backbone.bn{i}', out)
    channels = 128
    for stage, count in BLOCKS.items():
        width = 64 * 2**(stage - 1)
        for i in range(count):
            block = f'backbone.layer{stage}.{i}'
            for j, (out, inp, k) in enumerate([(width, channels, 1), (width, width, 3), (4 * width, width, 1)], 1):
                params[f'{block}.conv{j}.weight'] = (out, inp, k, k)
                norm(f'{block}.bn{j}', out)
            if i == 0:
                params[f'{block}.downsample.0.weight'] = (4 * width, channels, 1, 1)
                norm(f'{block}.downsample.1', 4 * width)
            channels = 4 * width
    layers = [('toplayer_', 2048, 1), *((f'latlayer{i}_', c, 1) for i, c in ((1, 1024), (2, 512), (3, 256)))]
    for name, inp, k in [*layers, *((f'smooth{i}_', 256, 3) for i in (1, 2, 3))]:
        params[f'fpn.{name}.conv.weight'] = (256, inp, k, k)
        norm(f'fpn.{name}.bn', 256)
    params['det_head.conv1.weight'], params['det_head.conv1.bias'] = (256, 1024, 3, 3), (256, )
    norm('det_head.bn1', 256)
    params['det_head.conv2.weight'], params['det_head.conv2.bias'] = (num_kernels, 256, 1, 1), (num_kernels, )
    return params


def official_forward(weights, x):
    """Kernel logits at stride 4 of the whole network in evaluation."""

    def conv_bn(conv, bn, x, stride=1, relu=True):
        w = weights[f'{conv}.weight']
        x = F.conv2d(x, w, weights.get(f'{conv}.bias'), stride=stride, padding=w.shape[-1] // 2)
        x = F.batch_norm(x, *(weights[f'{bn}.{p}'] for p in ('running_mean', 'running_var', 'weight', 'bias')))
        return x.relu() if relu else x

    for i in (1, 2, 3):
        x = conv_bn(f'backbone.conv{i}', f'backbone.bn{i}', x, 2 if i == 1 else 1)
    x = F.max_pool2d(x, 3, 2, 1)
    maps = []
    for stage, count in BLOCKS.items():
        for i in range(count):
            block, stride = f'backbone.layer{stage}.{i}', 2 if stage > 1 and i == 0 else 1
            y = conv_bn(f'{block}.conv1', f'{block}.bn1', x)
            y = conv_bn(f'{block}.conv2', f'{block}.bn2', y, stride)
            y = conv_bn(f'{block}.conv3', f'{block}.bn3', y, relu=False)
            short = conv_bn(f'{block}.downsample.0', f'{block}.downsample.1', x, stride, False) if i == 0 else x
            x = (y + short).relu()
        maps.append(x)

    def resize(x, like):
        return F.interpolate(x, size=like.shape[-2:], mode='bilinear', align_corners=False)

    p = [conv_bn('fpn.toplayer_.conv', 'fpn.toplayer_.bn', maps[3])]
    for i in (1, 2, 3):
        lateral = conv_bn(f'fpn.latlayer{i}_.conv', f'fpn.latlayer{i}_.bn', maps[3 - i])
        p.append(conv_bn(f'fpn.smooth{i}_.conv', f'fpn.smooth{i}_.bn', resize(p[-1], lateral) + lateral))
    x = torch.cat([p[3], *(resize(level, p[3]) for level in (p[2], p[1], p[0]))], 1)
    x = conv_bn('det_head.conv1', 'det_head.bn1', x)
    return F.conv2d(x, weights['det_head.conv2.weight'], weights['det_head.conv2.bias'])

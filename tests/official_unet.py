"""meetps' U-Net (unpadded, with up-convolutions): its parameter names, and its steps one by one."""

import torch
import torch.nn.functional as F


def official_params(classes=2, base=8, batchnorm=False, in_channels=3):
    """Name -> shape of the whole network."""
    params = {}

    def convs(name, inp, out):
        for i, channels in ((1, inp), (2, out)):
            params[f'{name}.conv{i}.0.weight'], params[f'{name}.conv{i}.0.bias'] = (out, channels, 3, 3), (out, )
            if batchnorm:
                for part in ('weight', 'bias', 'running_mean', 'running_var'):
                    params[f'{name}.conv{i}.1.{part}'] = (out, )
                params[f'{name}.conv{i}.1.num_batches_tracked'] = ()

    widths = [base * 2**i for i in range(5)]
    for name, inp, out in zip(('conv1', 'conv2', 'conv3', 'conv4', 'center'), [in_channels, *widths], widths,
                              strict=False):
        convs(name, inp, out)
    for level in (4, 3, 2, 1):
        convs(f'up_concat{level}.conv', widths[level], widths[level - 1])
        params[f'up_concat{level}.up.weight'] = (widths[level], widths[level - 1], 2, 2)
        params[f'up_concat{level}.up.bias'] = (widths[level - 1], )
    params['final.weight'], params['final.bias'] = (classes, base, 1, 1), (classes, )
    return params


def official_forward(weights, x):
    """Scores of an image whose sides are 188 + 16 k, and the deepest map."""

    def convs(name, x):
        for i in (1, 2):
            x = F.conv2d(x, weights[f'{name}.conv{i}.0.weight'], weights[f'{name}.conv{i}.0.bias'])
            if f'{name}.conv{i}.1.weight' in weights:
                x = F.batch_norm(x, *(weights[f'{name}.conv{i}.1.{part}']
                                      for part in ('running_mean', 'running_var', 'weight', 'bias')))
            x = x.clamp(min=0)
        return x

    maps = []
    for name in ('conv1', 'conv2', 'conv3', 'conv4'):
        x = convs(name, x)
        maps.append(x)
        x = F.max_pool2d(x, 2)
    x = center = convs('center', x)
    for level in (4, 3, 2, 1):
        up = F.conv_transpose2d(x, weights[f'up_concat{level}.up.weight'], weights[f'up_concat{level}.up.bias'],
                                stride=2)
        cut = [(a - b) // 2 for a, b in zip(maps[level - 1].shape[2:], up.shape[2:], strict=True)]
        skip = maps[level - 1][:, :, cut[0]:cut[0] + up.shape[2], cut[1]:cut[1] + up.shape[3]]
        x = convs(f'up_concat{level}.conv', torch.cat([skip, up], 1))
    return F.conv2d(x, weights['final.weight'], weights['final.bias']), center

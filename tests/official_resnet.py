"""ResNets of bottlenecks under torchvision's names: shapes of the parameters, and a slow forward pass."""

import torch.nn.functional as F

BN = ('weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked')


def norm_params(name, channels):
    return {f'{name}.{part}': () if part == 'num_batches_tracked' else (channels, ) for part in BN}


def resnet_params(blocks, width=64, *, stem=('conv1', 'bn1'), stages=('layer1', 'layer2', 'layer3', 'layer4')):
    """Name -> shape; ``width`` is 64 in the originals."""
    params = {f'{stem[0]}.weight': (width, 3, 7, 7), **norm_params(stem[1], width)}
    channels = width
    for number, (stage, count) in enumerate(zip(stages, blocks, strict=True)):
        inner = width * 2**number
        for i in range(count):
            for j, (out, inp, k) in enumerate([(inner, channels, 1), (inner, inner, 3), (4 * inner, inner, 1)], 1):
                params[f'{stage}.{i}.conv{j}.weight'] = (out, inp, k, k)
                params.update(norm_params(f'{stage}.{i}.bn{j}', out))
            if i == 0:
                params[f'{stage}.{i}.downsample.0.weight'] = (4 * inner, channels, 1, 1)
                params.update(norm_params(f'{stage}.{i}.downsample.1', 4 * inner))
            channels = 4 * inner
    return params


def conv(weights, name, x, stride=1):
    """A convolution that keeps the size, or halves it rounded up."""
    kernel = weights[f'{name}.weight']
    padding = (kernel.shape[2] // 2, kernel.shape[3] // 2)
    groups = x.shape[1] // kernel.shape[1]
    return F.conv2d(x, kernel, weights.get(f'{name}.bias'), stride=stride, padding=padding, groups=groups)


def norm(weights, name, x):
    """Batch norm in evaluation, written out."""
    weight, bias, mean, var = (weights[f'{name}.{part}'][:, None, None] for part in BN[:2] + BN[2:4])
    return (x - mean) / (var + 1e-5).sqrt() * weight + bias


def resnet_forward(weights, x, *, stem=('conv1', 'bn1'), stages=('layer1', 'layer2', 'layer3', 'layer4')):
    """The stem's map (stride 2) and the four stages' (strides 4 to 32)."""
    maps = [norm(weights, stem[1], conv(weights, stem[0], x, 2)).relu()]
    x = F.max_pool2d(maps[0], 3, 2, 1)
    for number, stage in enumerate(stages):
        i = 0
        while f'{stage}.{i}.conv1.weight' in weights:
            block, stride = f'{stage}.{i}', 2 if number and not i else 1
            y = norm(weights, f'{block}.bn1', conv(weights, f'{block}.conv1', x)).relu()
            y = norm(weights, f'{block}.bn2', conv(weights, f'{block}.conv2', y, stride)).relu()
            y = norm(weights, f'{block}.bn3', conv(weights, f'{block}.conv3', y))
            if not i:
                x = norm(weights, f'{block}.downsample.1', conv(weights, f'{block}.downsample.0', x, stride))
            x = (x + y).relu()
            i += 1
        maps.append(x)
    return maps

"""FC-DenseNet as its PyTorch port computes it, from its description: names and shapes, a slow forward pass."""

import torch
import torch.nn.functional as F

NETS = {  # growth rate, layers down, layers of the bottleneck, layers up
    56: (12, (4, ) * 5, 4, (4, ) * 5),
    67: (16, (5, ) * 5, 5, (5, ) * 5),
    103: (16, (4, 5, 7, 10, 12), 15, (12, 10, 7, 5, 4)),
}


def port_params(growth, down, bottleneck, up, num_classes=11, stem=48):
    """Name -> shape of every entry of the port's state dict."""
    params = {}

    def norm_conv(name, inp, out, kernel):
        for part in ('weight', 'bias', 'running_mean', 'running_var'):
            params[f'{name}.norm.{part}'] = (inp, )
        params[f'{name}.norm.num_batches_tracked'] = ()
        params[f'{name}.conv.weight'], params[f'{name}.conv.bias'] = (out, inp, kernel, kernel), (out, )

    def block(name, channels, layers):
        for index in range(layers):
            norm_conv(f'{name}.layers.{index}', channels + index * growth, growth, 3)
        return channels + layers * growth

    params['firstconv.weight'], params['firstconv.bias'] = (stem, 3, 3, 3), (stem, )
    channels, skips = stem, []
    for index, layers in enumerate(down):
        channels = block(f'denseBlocksDown.{index}', channels, layers)
        skips.insert(0, channels)
        norm_conv(f'transDownBlocks.{index}', channels, channels, 1)
    block('bottleneck.bottleneck', channels, bottleneck)
    for index, (before, layers) in enumerate(zip((bottleneck, *up), up, strict=False)):
        new = growth * before
        params[f'transUpBlocks.{index}.convTrans.weight'] = (new, new, 3, 3)
        params[f'transUpBlocks.{index}.convTrans.bias'] = (new, )
        channels = block(f'denseBlocksUp.{index}', new + skips[index], layers)
    params['finalConv.weight'], params['finalConv.bias'] = (num_classes, channels, 1, 1), (num_classes, )
    return params


def port_forward(weights, x, batch_statistics=False):
    """(bottleneck's new maps, scores) with running statistics, or with those of this batch; no dropout."""

    def norm_relu(name, x):
        if batch_statistics:
            mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)
        else:
            mean, var = weights[f'{name}.norm.running_mean'], weights[f'{name}.norm.running_var']
        scale = weights[f'{name}.norm.weight'] / torch.sqrt(var + 1e-5)
        return ((x - mean[:, None, None]) * scale[:, None, None] + weights[f'{name}.norm.bias'][:, None, None]).relu()

    def conv(name, x, padding=0):
        return F.conv2d(x, weights[f'{name}.weight'], weights[f'{name}.bias'], padding=padding)

    def block(name, x):
        new, index = [], 0
        while f'{name}.layers.{index}.conv.weight' in weights:
            layer = f'{name}.layers.{index}'
            new.append(conv(f'{layer}.conv', norm_relu(layer, torch.cat([x, *new], 1)), 1))
            index += 1
        return torch.cat([x, *new], 1), torch.cat(new, 1)

    x, skips, index = conv('firstconv', x, 1), [], 0
    while f'transDownBlocks.{index}.conv.weight' in weights:
        x = block(f'denseBlocksDown.{index}', x)[0]
        skips.append(x)
        x = F.max_pool2d(conv(f'transDownBlocks.{index}.conv', norm_relu(f'transDownBlocks.{index}', x)), 2)
        index += 1
    bottleneck = new = block('bottleneck.bottleneck', x)[1]
    for index, skip in enumerate(reversed(skips)):
        name = f'transUpBlocks.{index}.convTrans'
        up = F.conv_transpose2d(new, weights[f'{name}.weight'], weights[f'{name}.bias'], stride=2)
        top, left = (up.shape[2] - skip.shape[2]) // 2, (up.shape[3] - skip.shape[3]) // 2
        up = up[:, :, top:top + skip.shape[2], left:left + skip.shape[3]]
        x, new = block(f'denseBlocksUp.{index}', torch.cat([up, skip], 1))
    return bottleneck, conv('finalConv', x)

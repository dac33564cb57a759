"""ENet as its PyTorch port computes it, from its description: names and shapes of the weights, a slow forward pass."""

import torch
import torch.nn.functional as F

DILATIONS = (1, 2, 0, 4, 1, 8, 0, 16)  # of the second and third stage; 0 is the 5-wide block


def port_params(num_classes=12):
    """Name -> shape of every entry of the port's state dict."""
    params = {}

    def norm(name, channels):
        for part in ('weight', 'bias', 'running_mean', 'running_var'):
            params[f'{name}.{part}'] = (channels, )
        params[f'{name}.num_batches_tracked'] = ()

    def conv(name, out, inp, *kernel, prelu=True):
        params[f'{name}.0.weight'] = (out, inp, *kernel)
        norm(f'{name}.1', out)
        if prelu:
            params[f'{name}.2.weight'] = (1, )

    def block(name, channels, dilation=1, prelu=True):
        width = channels // 4
        conv(f'{name}.ext_conv1', width, channels, 1, 1, prelu=prelu)
        if dilation:
            conv(f'{name}.ext_conv2', width, width, 3, 3, prelu=prelu)
        else:
            conv(f'{name}.ext_conv2', width, width, 5, 1, prelu=prelu)
            params[f'{name}.ext_conv2.3.weight'] = (width, width, 1, 5)
            norm(f'{name}.ext_conv2.4', width)
            params[f'{name}.ext_conv2.5.weight'] = (1, )
        conv(f'{name}.ext_conv3', channels, width, 1, 1, prelu=prelu)
        if prelu:
            params[f'{name}.out_activation.weight'] = (1, )

    def down(name, inp, out):
        conv(f'{name}.ext_conv1', inp // 4, inp, 2, 2)
        conv(f'{name}.ext_conv2', inp // 4, inp // 4, 3, 3)
        conv(f'{name}.ext_conv3', out, inp // 4, 1, 1)
        params[f'{name}.out_activation.weight'] = (1, )

    def up(name, inp, out):
        conv(f'{name}.main_conv1', out, inp, 1, 1, prelu=False)
        conv(f'{name}.ext_conv1', inp // 4, inp, 1, 1, prelu=False)
        params[f'{name}.ext_tconv1.weight'] = (inp // 4, inp // 4, 2, 2)
        norm(f'{name}.ext_tconv1_bnorm', inp // 4)
        conv(f'{name}.ext_conv2', out, inp // 4, 1, 1, prelu=False)

    params['initial_block.main_branch.weight'] = (13, 3, 3, 3)
    norm('initial_block.batch_norm', 16)
    params['initial_block.out_activation.weight'] = (1, )
    down('downsample1_0', 16, 64)
    for index in (1, 2, 3, 4):
        block(f'regular1_{index}', 64)
    down('downsample2_0', 64, 128)
    for name, dilation in deep_blocks():
        block(name, 128, dilation)
    up('upsample4_0', 128, 64)
    for index in (1, 2):
        block(f'regular4_{index}', 64, prelu=False)
    up('upsample5_0', 64, 16)
    block('regular5_1', 16, prelu=False)
    params['transposed_conv.weight'] = (16, num_classes, 3, 3)
    return params


def deep_blocks():
    """Names and dilations of the 16 blocks at stride 8."""
    kinds = {0: 'asymmetric', 1: 'regular'}
    return [(f'{kinds.get(dilation, "dilated")}{stage}_{index + first}', dilation) for stage, first in ((2, 1), (3, 0))
            for index, dilation in enumerate(DILATIONS)]


def port_forward(weights, x):
    """(encoder's map, scores) of the port in evaluation."""

    def act(name, x):
        slope = weights.get(f'{name}.weight')
        return x.relu() if slope is None else torch.where(x >= 0, x, slope * x)

    def norm(name, x):
        mean, var, weight, bias = (
            weights[f'{name}.{part}'][:, None, None] for part in ('running_mean', 'running_var', 'weight', 'bias'))
        return (x - mean) / torch.sqrt(var + 1e-5) * weight + bias

    def conv(name, x, stride=1, padding=0, dilation=1, last=True, start=0):
        x = F.conv2d(x, weights[f'{name}.{start}.weight'], None, stride, padding, dilation)
        x = norm(f'{name}.{start + 1}', x)
        return act(f'{name}.{start + 2}', x) if last else x

    def block(name, x, dilation=1):
        y = conv(f'{name}.ext_conv1', x)
        if dilation:
            y = conv(f'{name}.ext_conv2', y, padding=dilation, dilation=dilation)
        else:
            y = conv(f'{name}.ext_conv2', y, padding=(2, 0))
            y = conv(f'{name}.ext_conv2', y, padding=(0, 2), start=3)
        return act(f'{name}.out_activation', x + conv(f'{name}.ext_conv3', y))

    def down(name, x):
        main, indices = F.max_pool2d(x, 2, 2, return_indices=True)
        y = conv(f'{name}.ext_conv3', conv(f'{name}.ext_conv2', conv(f'{name}.ext_conv1', x, 2), padding=1))
        zeros = torch.zeros(len(x), y.shape[1] - main.shape[1], *y.shape[2:])
        return act(f'{name}.out_activation', torch.cat([main, zeros], 1) + y), indices

    def up(name, x, indices, size):
        main = F.max_unpool2d(conv(f'{name}.main_conv1', x, last=False), indices, 2, 2, output_size=size)
        y = conv(f'{name}.ext_conv1', x)
        extra = [wanted - 2 * given for wanted, given in zip(size, y.shape[2:], strict=True)]
        y = F.conv_transpose2d(y, weights[f'{name}.ext_tconv1.weight'], stride=2, output_padding=extra)
        y = norm(f'{name}.ext_tconv1_bnorm', y).relu()
        return (main + conv(f'{name}.ext_conv2', y, last=False)).relu()

    height, width = x.shape[2:]
    x = torch.cat([F.conv2d(x, weights['initial_block.main_branch.weight'], None, 2, 1), F.max_pool2d(x, 3, 2, 1)], 1)
    x = act('initial_block.out_activation', norm('initial_block.batch_norm', x))
    first = x.shape[2:]
    x, indices1 = down('downsample1_0', x)
    second = x.shape[2:]
    for index in (1, 2, 3, 4):
        x = block(f'regular1_{index}', x)
    x, indices2 = down('downsample2_0', x)
    for name, dilation in deep_blocks():
        x = block(name, x, dilation)
    encoder = x
    x = up('upsample4_0', x, indices2, second)
    x = block('regular4_2', block('regular4_1', x))
    x = block('regular5_1', up('upsample5_0', x, indices1, first))
    extra = [wanted - (2 * given - 1) for wanted, given in zip((height, width), x.shape[2:], strict=True)]
    return encoder, F.conv_transpose2d(x, weights['transposed_conv.weight'], None, 2, 1, extra)

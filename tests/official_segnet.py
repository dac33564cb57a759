"""SegNet and DeconvNet under their ports' names: parameter tables for any width, and slow forward passes."""

import torch
import torch.nn.functional as F

CONVS = {1: 2, 2: 2, 3: 3, 4: 3, 5: 3}
WIDTHS = (64, 128, 256, 512, 512)


def _norm(params, name, channels):
    for part in ('weight', 'bias', 'running_mean', 'running_var'):
        params[f'{name}.{part}'] = (channels, )
    params[f'{name}.num_batches_tracked'] = ()


def _stages(widths):
    """(stage, convolution, input, output channels) of the encoder."""
    channels = 3
    for stage, count in CONVS.items():
        for conv in range(1, count + 1):
            yield stage, conv, channels, widths[stage - 1]
            channels = widths[stage - 1]


def _up(widths, stage, last):
    """Output channels of the layers of the decoder's block that undoes pool ``stage``."""
    return [widths[stage - 1]] * (CONVS[stage] - 1) + [widths[stage - 2] if stage > 1 else last]


def segnet_params(widths=WIDTHS, num_classes=11, last_norm_act=True):
    """Name -> shape of meetps' SegNet."""
    params = {}

    def unit(name, inp, out, norm=True):
        params[f'{name}.cbr_unit.0.weight'], params[f'{name}.cbr_unit.0.bias'] = (out, inp, 3, 3), (out, )
        if norm:
            _norm(params, f'{name}.cbr_unit.1', out)

    for stage, conv, inp, out in _stages(widths):
        unit(f'down{stage}.conv{conv}', inp, out)
    for stage in (5, 4, 3, 2, 1):
        channels = widths[stage - 1]
        for conv, out in enumerate(_up(widths, stage, num_classes), 1):
            unit(f'up{stage}.conv{conv}', channels, out, last_norm_act or (stage, conv) != (1, 2))
            channels = out
    return params


def deconvnet_params(widths=WIDTHS, fc=4096, num_classes=21, side=7):
    """Name -> shape of Jasonlee1995's DeconvNet."""
    params = {}

    def pair(name, i, weight, out):
        params[f'{name}.{i}.weight'], params[f'{name}.{i}.bias'] = weight, (out, )
        _norm(params, f'{name}.{i + 1}', out)

    for stage, conv, inp, out in _stages(widths):
        pair(f'conv{stage}', 3 * (conv - 1), (out, inp, 3, 3), out)
    pair('conv67', 0, (fc, widths[4], side, side), fc)
    pair('conv67', 3, (fc, fc, 1, 1), fc)
    pair('deconv67', 0, (fc, widths[4], side, side), widths[4])
    for stage in (5, 4, 3, 2, 1):
        channels = widths[stage - 1]
        for i, out in enumerate(_up(widths, stage, widths[0])):
            pair(f'deconv{stage}', 3 * i, (channels, out, 3, 3), out)
            channels = out
    params['deconv1.6.weight'], params['deconv1.6.bias'] = (widths[0], num_classes, 1, 1), (num_classes, )
    return params


def slow_pool(x, ceil_mode):
    """Maxima of the windows of 2 x 2, and the (row, column) of each: (B, C, h, w), twice."""
    height, width = x.shape[-2:]
    rows, columns = ((n + 1) // 2 if ceil_mode else n // 2 for n in (height, width))
    out = x.new_zeros(*x.shape[:2], rows, columns)
    place = torch.zeros(*out.shape, 2, dtype=torch.long)
    for i in range(rows):
        for j in range(columns):
            window = x[..., 2 * i:2 * i + 2, 2 * j:2 * j + 2]
            out[..., i, j], best = window.flatten(2).max(-1)
            across = window.shape[-1]
            place[..., i, j, 0], place[..., i, j, 1] = 2 * i + best // across, 2 * j + best % across
    return out, place, (height, width)


def slow_unpool(x, place, size):
    """Values back at their places, one by one."""
    out = x.new_zeros(*x.shape[:2], *size)
    for b, c, i, j in torch.ones(x.shape).nonzero().tolist():
        row, column = place[b, c, i, j].tolist()
        out[b, c, row, column] = x[b, c, i, j]
    return out


def _bn(weights, name, x, eps=1e-5):
    gamma, beta, mean, var = (weights[f'{name}.{part}'].view(1, -1, 1, 1)
                              for part in ('weight', 'bias', 'running_mean', 'running_var'))
    return (x - mean) / (var + eps).sqrt() * gamma + beta


def segnet_forward(weights, x, *, ceil_mode, last_norm_act):
    """Scores of the whole network in evaluation."""

    def unit(name, x, norm=True):
        x = F.conv2d(x, weights[f'{name}.cbr_unit.0.weight'], weights[f'{name}.cbr_unit.0.bias'], padding=1)
        return _bn(weights, f'{name}.cbr_unit.1', x).relu() if norm else x

    memory = {}
    for stage, count in CONVS.items():
        for conv in range(1, count + 1):
            x = unit(f'down{stage}.conv{conv}', x)
        x, *memory[stage] = slow_pool(x, ceil_mode)
    for stage in (5, 4, 3, 2, 1):
        x = slow_unpool(x, *memory[stage])
        for conv in range(1, CONVS[stage] + 1):
            x = unit(f'up{stage}.conv{conv}', x, last_norm_act or (stage, conv) != (1, 2))
    return x


def deconv_by_definition(x, weight, bias, padding):
    """Stride 1: every input cell adds its value times the kernel (in, out, k, k) around it."""
    kernel = weight.shape[-1]
    height, width = x.shape[-2:]
    out = x.new_zeros(x.shape[0], weight.shape[1], height + kernel - 1, width + kernel - 1)
    for i in range(kernel):
        for j in range(kernel):
            out[..., i:i + height, j:j + width] += torch.einsum('bihw,io->bohw', x, weight[..., i, j])
    end = slice(padding, -padding or None)
    return out[..., end, end] + bias.view(1, -1, 1, 1)


def deconvnet_forward(weights, x):
    """Scores of the whole network in evaluation."""

    def layer(name, i, x, deconv=False, padding=1):
        weight, bias = weights[f'{name}.{i}.weight'], weights[f'{name}.{i}.bias']
        x = deconv_by_definition(x, weight, bias, padding) if deconv else F.conv2d(x, weight, bias, padding=padding)
        return _bn(weights, f'{name}.{i + 1}', x).relu()

    memory = {}
    for stage, count in CONVS.items():
        for conv in range(count):
            x = layer(f'conv{stage}', 3 * conv, x)
        x, *memory[stage] = slow_pool(x, False)
    x = layer('conv67', 3, layer('conv67', 0, x, padding=0), padding=0)
    x = layer('deconv67', 0, x, True, 0)
    for stage in (5, 4, 3, 2, 1):
        x = slow_unpool(x, *memory[stage])
        for conv in range(CONVS[stage]):
            x = layer(f'deconv{stage}', 3 * conv, x, True)
    return deconv_by_definition(x, weights['deconv1.6.weight'], weights['deconv1.6.bias'], 0)

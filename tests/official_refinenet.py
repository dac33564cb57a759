"""The ports of RefineNet (rf101) and Light-Weight RefineNet (rf_lw50.., mbv2): parameters and slow forward passes.

Written from their description; kernel sizes, channels and counts are read from the weights.
"""

import torch.nn.functional as F
from official_resnet import conv, norm, norm_params, resnet_forward, resnet_params

MBV2 = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]


def refinenet_params(blocks, *, light, width=64, channels=256, top=512, num_classes=21, pools=4):
    """rf101 (``light=False``) and rf_lw50, rf_lw101, rf_lw152 of any width."""
    params, k = resnet_params(blocks, width), 1 if light else 3

    def units(name, count, size):
        for i in range(1, count + 1) if not light else ():
            params[f'{name}.0.{i}_conv.weight'], params[f'{name}.0.{i}_conv.bias'] = (size, size, 3, 3), (size, )
            params[f'{name}.0.{i}_conv_relu_varout_dimred.weight'] = (size, size, 3, 3)

    for stage in (1, 2, 3, 4):
        size = top if stage == 1 else channels
        params[f'p_ims1d2_outl{stage}_dimred.weight'] = (size, 4 * width * 2**(4 - stage), k, k)
        units(f'adapt_stage{stage}_b', 2, size)
        if stage > 1:
            params[f'adapt_stage{stage}_b2_joint_varout_dimred.weight'] = (size, size, k, k)
        for i in range(1, pools + 1):
            params[f'mflow_conv_g{stage}_pool.0.{i}_outvar_dimred.weight'] = (size, size, k, k)
        units(f'mflow_conv_g{stage}_b', 3, size)
        if stage < 4:
            params[f'mflow_conv_g{stage}_b3_joint_varout_dimred.weight'] = (channels, size, k, k)
    params['clf_conv.weight'], params['clf_conv.bias'] = (num_classes, channels, 3, 3), (num_classes, )
    return params


def refinenet_forward(weights, image):
    """Scores at stride 4 in evaluation."""

    def units(name, x):
        i = 1
        while f'{name}.0.{i}_conv.weight' in weights:
            y = conv(weights, f'{name}.0.{i}_conv', x.relu())
            x = x + conv(weights, f'{name}.0.{i}_conv_relu_varout_dimred', y.relu())
            i += 1
        return x

    _, l1, l2, l3, l4 = resnet_forward(weights, image)
    x = None
    for stage, level in ((1, l4), (2, l3), (3, l2), (4, l1)):
        y = units(f'adapt_stage{stage}_b', conv(weights, f'p_ims1d2_outl{stage}_dimred', level))
        if x is not None:
            y = conv(weights, f'adapt_stage{stage}_b2_joint_varout_dimred', y) + aligned(x, level)
        x = pooled(weights, f'mflow_conv_g{stage}_pool.0', y.relu())
        x = units(f'mflow_conv_g{stage}_b', x)
        if stage < 4:
            x = conv(weights, f'mflow_conv_g{stage}_b3_joint_varout_dimred', x)
    return conv(weights, 'clf_conv', x)


def pooled(weights, name, x):
    """Chained residual pooling, pooling first."""
    total, i = x, 1
    while f'{name}.{i}_outvar_dimred.weight' in weights:
        x = conv(weights, f'{name}.{i}_outvar_dimred', F.max_pool2d(x, 5, 1, 2))
        total, i = total + x, i + 1
    return total


def aligned(x, like):
    return F.interpolate(x, size=like.shape[-2:], mode='bilinear', align_corners=True)


def mbv2_params(*, channels=256, num_classes=21, pools=4):
    """mbv2; the backbone has its full width."""
    params = {'layer1.0.weight': (32, 3, 3, 3), **norm_params('layer1.1', 32)}
    inp = 32
    for layer, (ratio, out, count, _) in enumerate(MBV2, 2):
        for i in range(count):
            inner = inp * ratio
            for j, shape in enumerate([(inner, inp, 1, 1), (inner, 1, 3, 3), (out, inner, 1, 1)]):
                params[f'layer{layer}.{i}.output.{j}.0.weight'] = shape
                params.update(norm_params(f'layer{layer}.{i}.output.{j}.1', shape[0]))
            inp = out
    for layer, (_, out, _, _) in enumerate(MBV2[1:], 3):
        params[f'conv{layer}.weight'] = (channels, out, 1, 1)
    for stage in (4, 3, 2, 1):
        for i in range(1, pools + 1):
            params[f'crp{stage}.0.{i}_outvar_dimred.weight'] = (channels, channels, 1, 1)
        if stage > 1:
            params[f'conv_adapt{stage}.weight'] = (channels, channels, 1, 1)
    params['segm.weight'], params['segm.bias'] = (num_classes, channels, 3, 3), (num_classes, )
    return params


def mbv2_forward(weights, image):
    """Scores at stride 4 in evaluation."""
    x = norm(weights, 'layer1.1', conv(weights, 'layer1.0', image, 2)).clamp(0, 6)
    maps = {}
    for layer, (_, _, count, stride) in enumerate(MBV2, 2):
        for i in range(count):
            y, step = x, stride if i == 0 else 1
            for j in range(3):
                name = f'layer{layer}.{i}.output.{j}'
                y = norm(weights, f'{name}.1', conv(weights, f'{name}.0', y, step if j == 1 else 1))
                y = y if j == 2 else y.clamp(0, 6)
            x = x + y if x.shape == y.shape else y
        maps[layer] = x
    x = None
    for stage, layers in ((4, (8, 7)), (3, (5, 6)), (2, (4, )), (1, (3, ))):
        y = sum(conv(weights, f'conv{layer}', maps[layer]) for layer in layers)
        if x is not None:
            y = y + aligned(x, maps[layers[0]])
        x = pooled(weights, f'crp{stage}.0', y.clamp(0, 6))
        if stage > 1:
            x = conv(weights, f'conv_adapt{stage}', x)
    return conv(weights, 'segm', x)

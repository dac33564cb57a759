"""DilatedNet by the layers of its deploy files: parameter names, and the layers one by one."""

import torch.nn.functional as F

FRONT = (('conv1_1', 1), ('conv1_2', 1), 'pool', ('conv2_1', 1), ('conv2_2', 1), 'pool', ('conv3_1', 1), ('conv3_2', 1),
         ('conv3_3', 1), 'pool', ('conv4_1', 1), ('conv4_2', 1), ('conv4_3', 1), ('conv5_1', 2), ('conv5_2', 2),
         ('conv5_3', 2), ('fc6', 4), ('fc7', 1))  # fmt: skip
WIDTHS = {'1': 1, '2': 2, '3': 4, '4': 8, '5': 8}
CONTEXT = {  # name: dilation
    'basic7': dict(conv1_1=1, conv1_2=1, conv2_1=2, conv3_1=4, conv4_1=8, fc1=1),
    'basic8': dict(conv1_1=1, conv1_2=1, conv2_1=2, conv3_1=4, conv4_1=8, conv5_1=16, fc1=1),
    'basic10': dict(conv1_1=1, conv1_2=1, conv2_1=2, conv3_1=4, conv4_1=8, conv5_1=16, conv6_1=32, conv7_1=64, fc1=1),
    'large': dict(conv1_1=1, conv1_2=1, conv2_1=2, conv3_1=4, conv4_1=8, conv5_1=16, fc1=1),
}


def frontend_params(classes=3, base=4, fc=8, final='final'):
    params, channels = {}, 3
    for layer in FRONT:
        if layer == 'pool':
            continue
        name = layer[0]
        out = fc if name.startswith('fc') else base * WIDTHS[name[4]]
        size = {'fc6': 7, 'fc7': 1}.get(name, 3)
        params[f'{name}.weight'], params[f'{name}.bias'] = (out, channels, size, size), (out, )
        channels = out
    params[f'{final}.weight'], params[f'{final}.bias'] = (classes, channels, 1, 1), (classes, )
    return params


def frontend_forward(weights, x):
    """Scores at stride 8 of an image that already has its margin; and conv5_3."""
    conv5 = None
    for layer in FRONT:
        if layer == 'pool':
            x = F.max_pool2d(x, 2, 2, ceil_mode=True)
            continue
        name, dilation = layer
        x = F.conv2d(x, weights[f'{name}.weight'], weights[f'{name}.bias'], dilation=dilation).relu()
        conv5 = x if name == 'conv5_3' else conv5
    final = 'fc-final' if 'fc-final.weight' in weights else 'final'
    return F.conv2d(x, weights[f'{final}.weight'], weights[f'{final}.bias']), conv5


def context_params(classes=3, variant='basic8'):
    widths = [2, 2, 4, 8, 16, 32, 32] if variant == 'large' else [1] * len(CONTEXT[variant])
    prefix = 'ct_' if variant == 'large' else 'ctx_'
    params, channels = {}, classes
    for name, width in zip(CONTEXT[variant], widths, strict=True):
        params[f'{prefix}{name}.weight'] = (width * classes, channels, 3, 3)
        params[f'{prefix}{name}.bias'] = (width * classes, )
        channels = width * classes
    params[f'{prefix}final.weight'], params[f'{prefix}final.bias'] = (classes, channels, 1, 1), (classes, )
    return params


def context_forward(weights, x, variant):
    large = variant == 'large'
    prefix = 'ct_' if large else 'ctx_'
    for name, dilation in CONTEXT[variant].items():
        padding = (33 if name == 'conv1_1' else 0) if large else dilation
        x = F.conv2d(x, weights[f'{prefix}{name}.weight'], weights[f'{prefix}{name}.bias'], padding=padding,
                     dilation=dilation).relu()
    return F.conv2d(x, weights[f'{prefix}final.weight'], weights[f'{prefix}final.bias'])

"""LinkNet of e-lab/pytorch-linknet: parameter names and shapes of its two classes, and a slow forward pass."""

import torch.nn.functional as F

STAGES = {1: 64, 2: 128, 3: 256, 4: 512}


def official_params(num_classes=5, torchvision=False):
    """Name -> shape; ``torchvision``: of class LinkNet instead of LinkNetBase."""
    params = {}

    def norm(name, channels):
        for part in ('weight', 'bias', 'running_mean', 'running_var'):
            params[f'{name}.{part}'] = (channels, )
        params[f'{name}.num_batches_tracked'] = ()

    def conv_bn(conv, bn, shape, bias=False, out=None):
        params[f'{conv}.weight'] = shape
        if bias:
            params[f'{conv}.bias'] = (out or shape[0], )
        norm(bn, out or shape[0])

    conv_bn(*(('in_block.0', 'in_block.1') if torchvision else ('conv1', 'bn1')), (64, 3, 7, 7))
    inp = 64
    for stage, out in STAGES.items():
        for i in (0, 1):
            block = f'encoder{stage}.{i}' if torchvision else f'encoder{stage}.block{i + 1}'
            conv_bn(f'{block}.conv1', f'{block}.bn1', (out, inp, 3, 3))
            conv_bn(f'{block}.conv2', f'{block}.bn2', (out, out, 3, 3))
            if i == 0 and stage > 1:
                conv_bn(f'{block}.downsample.0', f'{block}.downsample.1', (out, inp, 1, 1))
            inp = out
    for stage, inp in STAGES.items():
        out, width = STAGES[max(stage - 1, 1)], inp // 4
        conv_bn(f'decoder{stage}.conv1.0', f'decoder{stage}.conv1.1', (width, inp, 1, 1))
        conv_bn(f'decoder{stage}.tp_conv.0', f'decoder{stage}.tp_conv.1', (width, width, 3, 3))
        conv_bn(f'decoder{stage}.conv2.0', f'decoder{stage}.conv2.1', (out, width, 1, 1))
    conv_bn('tp_conv1.0', 'tp_conv1.1', (64, 32, 3, 3), bias=True, out=32)
    conv_bn('conv2.0', 'conv2.1', (32, 32, 3, 3), bias=True)
    params['tp_conv2.weight'], params['tp_conv2.bias'] = (32, num_classes, 2, 2), (num_classes, )
    return params


def official_forward(weights, x):
    """Scores in front of the log-softmax, in evaluation; for LinkNetBase's names and sides divisible by 32."""

    def bn(name, x):
        parts = ('running_mean', 'running_var', 'weight', 'bias')
        return F.batch_norm(x, *(weights[f'{name}.{part}'] for part in parts), eps=1e-5)

    def conv_bn(conv, norm, x, stride=1):
        w = weights[f'{conv}.weight']
        return bn(norm, F.conv2d(x, w, weights.get(f'{conv}.bias'), stride=stride, padding=w.shape[-1] // 2))

    def deconv_bn(conv, norm, x, stride):
        x = F.conv_transpose2d(x, weights[f'{conv}.weight'], weights.get(f'{conv}.bias'), stride=stride, padding=1,
                               output_padding=stride - 1)
        return bn(norm, x).relu()

    maps = [F.max_pool2d(conv_bn('conv1', 'bn1', x, 2).relu(), 3, 2, 1)]
    for stage in STAGES:
        x = maps[-1]
        for i in (1, 2):
            block, stride = f'encoder{stage}.block{i}', 2 if stage > 1 and i == 1 else 1
            y = conv_bn(f'{block}.conv1', f'{block}.bn1', x, stride).relu()
            y = conv_bn(f'{block}.conv2', f'{block}.bn2', y)
            if f'{block}.downsample.0.weight' in weights:
                x = conv_bn(f'{block}.downsample.0', f'{block}.downsample.1', x, stride)
            x = (x + y).relu()
        maps.append(x)
    for stage in (4, 3, 2, 1):
        name = f'decoder{stage}'
        x = conv_bn(f'{name}.conv1.0', f'{name}.conv1.1', x).relu()
        x = deconv_bn(f'{name}.tp_conv.0', f'{name}.tp_conv.1', x, 1 if stage == 1 else 2)
        x = conv_bn(f'{name}.conv2.0', f'{name}.conv2.1', x).relu() + maps[stage - 1]
    x = deconv_bn('tp_conv1.0', 'tp_conv1.1', x, 2)
    x = conv_bn('conv2.0', 'conv2.1', x).relu()
    return F.conv_transpose2d(x, weights['tp_conv2.weight'], weights['tp_conv2.bias'], stride=2)

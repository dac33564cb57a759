"""FCN-32s, 16s and 8s as published: parameter names, shapes, and a forward pass with every number written out."""

import torch.nn.functional as F

CONVS = {1: 2, 2: 2, 3: 3, 4: 3, 5: 3}
DECONVS = {32: {'upscore': 64}, 16: {'upscore2': 4, 'upscore16': 32},
           8: {'upscore2': 4, 'upscore_pool4': 4, 'upscore8': 16}}


def official_params(stride=8, num_classes=5, width=64, fc=4096, bias2=False):
    """Name -> shape of FCN-``stride``s; ``width`` and ``fc`` are 64 and 4096 in the original."""
    params, channels = {}, 3

    def layer(name, out, inp, k):
        params[f'{name}.weight'], params[f'{name}.bias'] = (out, inp, k, k), (out, )

    for stage, count in CONVS.items():
        out = width * 2**min(stage - 1, 3)
        for i in range(1, count + 1):
            layer(f'conv{stage}_{i}', out, channels, 3)
            channels = out
    layer('fc6', fc, channels, 7)
    layer('fc7', fc, fc, 1)
    layer('score_fr', num_classes, fc, 1)
    if stride <= 16:
        layer('score_pool4', num_classes, 8 * width, 1)
    if stride == 8:
        layer('score_pool3', num_classes, 4 * width, 1)
    for name, k in DECONVS[stride].items():
        params[f'{name}.weight'] = (num_classes, num_classes, k, k)
    if bias2:
        params['upscore2.bias'] = (num_classes, )
    return params


def official_forward(weights, image, stride=8, at_once=False):
    """Scores of the image's size, in evaluation."""

    def conv(name, x, padding=0):
        return F.conv2d(x, weights[f'{name}.weight'], weights[f'{name}.bias'], padding=padding)

    def deconv(name, x, factor):
        return F.conv_transpose2d(x, weights[f'{name}.weight'], weights.get(f'{name}.bias'), stride=factor)

    x, pools = image, {}
    for stage, count in CONVS.items():
        for i in range(1, count + 1):
            x = conv(f'conv{stage}_{i}', x, 100 if (stage, i) == (1, 1) else 1).relu()
        x = pools[stage] = F.max_pool2d(x, 2, 2, ceil_mode=True)
    x = conv('score_fr', conv('fc7', conv('fc6', x).relu()).relu())
    h, w = image.shape[-2:]
    if stride == 32:
        return deconv('upscore', x, 32)[:, :, 19:19 + h, 19:19 + w]
    x = deconv('upscore2', x, 2)
    skip = conv('score_pool4', pools[4] * (0.01 if at_once else 1))
    x = x + skip[:, :, 5:5 + x.shape[2], 5:5 + x.shape[3]]
    if stride == 16:
        return deconv('upscore16', x, 16)[:, :, 27:27 + h, 27:27 + w]
    x = deconv('upscore_pool4', x, 2)
    skip = conv('score_pool3', pools[3] * (0.0001 if at_once else 1))
    x = x + skip[:, :, 9:9 + x.shape[2], 9:9 + x.shape[3]]
    return deconv('upscore8', x, 8)[:, :, 31:31 + h, 31:31 + w]

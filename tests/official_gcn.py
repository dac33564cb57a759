"""The PyTorch port of the global convolutional network: parameters and a slow forward pass, from its description."""

import torch.nn.functional as F
from official_resnet import conv, resnet_forward, resnet_params

NAMES = dict(stem=('layer0.0', 'layer0.1'), stages=('layer1.1', 'layer2', 'layer3', 'layer4'))


def gcn_params(blocks, *, width=64, num_classes=21, kernel_size=7):
    params, k, c = resnet_params(blocks, width, **NAMES), kernel_size, num_classes
    for i in (1, 2, 3, 4):
        source = 4 * width * 2**(4 - i)
        for name, shape in (('l1', (c, source, k, 1)), ('l2', (c, c, 1, k)),
                            ('r1', (c, source, 1, k)), ('r2', (c, c, k, 1))):
            params[f'gcm{i}.conv_{name}.weight'], params[f'gcm{i}.conv_{name}.bias'] = shape, (c, )
    for i in range(1, 10):
        for j in (1, 2):
            params[f'brm{i}.conv{j}.weight'], params[f'brm{i}.conv{j}.bias'] = (c, c, 3, 3), (c, )
    return params


def gcn_forward(weights, image):
    """Scores of the image's size, and the refined coarsest ones."""

    def refined(i, x):
        return x + conv(weights, f'brm{i}.conv2', conv(weights, f'brm{i}.conv1', x).relu())

    def scored(i, x):
        left = conv(weights, f'gcm{i}.conv_l2', conv(weights, f'gcm{i}.conv_l1', x))
        return refined(i, left + conv(weights, f'gcm{i}.conv_r2', conv(weights, f'gcm{i}.conv_r1', x)))

    def up(x, like):
        return F.interpolate(x, size=like.shape[-2:], mode='bilinear', align_corners=True)

    f0, f1, f2, f3, f4 = resnet_forward(weights, image, **NAMES)
    coarsest = scored(1, f4)
    x = refined(5, up(coarsest, f3) + scored(2, f3))
    x = refined(6, up(x, f2) + scored(3, f2))
    x = refined(7, up(x, f1) + scored(4, f1))
    x = refined(8, up(x, f0))
    return refined(9, up(x, image)), coarsest

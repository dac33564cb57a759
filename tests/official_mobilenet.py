"""torchvision's MobileNetV2: parameters and a slow forward pass, from its description."""

from official_refinenet import MBV2
from official_resnet import conv, norm, norm_params


def torchvision_params():
    """Name -> shape, classifier included."""
    params = {'features.0.0.weight': (32, 3, 3, 3), **norm_params('features.0.1', 32)}
    inp, n = 32, 1
    for ratio, out, count, _ in MBV2:
        for _ in range(count):
            inner = inp * ratio
            shapes = [(inner, inp, 1, 1)] * (ratio > 1) + [(inner, 1, 3, 3)]
            for j, shape in enumerate(shapes):
                params[f'features.{n}.conv.{j}.0.weight'] = shape
                params.update(norm_params(f'features.{n}.conv.{j}.1', inner))
            params[f'features.{n}.conv.{len(shapes)}.weight'] = (out, inner, 1, 1)
            params.update(norm_params(f'features.{n}.conv.{len(shapes) + 1}', out))
            inp, n = out, n + 1
    params.update({'features.18.0.weight': (1280, 320, 1, 1), **norm_params('features.18.1', 1280)})
    params['classifier.1.weight'], params['classifier.1.bias'] = (10, 1280), (10, )
    return params


def torchvision_forward(weights, image):
    """The maps after each group of blocks of equal width."""
    x = norm(weights, 'features.0.1', conv(weights, 'features.0.0', image, 2)).clamp(0, 6)
    maps, n = [], 1
    for ratio, _, count, stride in MBV2:
        for i in range(count):
            y, inner = x, 2 if ratio > 1 else 1
            for j in range(inner):
                name, step = f'features.{n}.conv.{j}', stride if i == 0 and j == inner - 1 else 1
                y = norm(weights, f'{name}.1', conv(weights, f'{name}.0', y, step)).clamp(0, 6)
            y = norm(weights, f'features.{n}.conv.{inner + 1}', conv(weights, f'features.{n}.conv.{inner}', y))
            x, n = x + y if x.shape == y.shape else y, n + 1
        maps.append(x)
    return maps

"""The released FCIS, ResNet-101: names and shapes of both implementations, their files, and slow forward passes.

Written from their descriptions: msracver/FCIS 309f6c9 (symbols/resnet_v1_101_fcis.py) and chainer/chainercv 7159616.
"""

import struct

import numpy as np
import torch
import torch.nn.functional as F
from golden_cases import golden_state_dict

BLOCKS = {2: 3, 3: 4, 4: 23, 5: 3}
BRANCHES = {'1': 'residual_conv', '2a': 'conv1', '2b': 'conv2', '2c': 'conv3'}
MXNET_NORM = {'gamma': 'arg', 'beta': 'arg', 'moving_mean': 'aux', 'moving_var': 'aux'}
CHAINER_NORM = ('gamma', 'beta', 'avg_mean', 'avg_var')


def block_name(stage, index, blocks):
    """a, b, c in stages of three blocks; a, b1, b2 ... in longer ones."""
    if blocks[stage] == 3:
        return 'abc'[index]
    return 'a' if index == 0 else f'b{index}'


def convolutions(blocks):
    """(stage, block, branch, out, in, kernel) of all bottlenecks."""
    channels = 64
    for stage, count in blocks.items():
        width = 64 * 2**(stage - 2)
        for i in range(count):
            if i == 0:
                yield stage, i, '1', 4 * width, channels, 1
            yield stage, i, '2a', width, channels, 1
            yield stage, i, '2b', width, width, 3
            yield stage, i, '2c', 4 * width, width, 1
            channels = 4 * width


def heads(anchors, classes):
    """(msracver's name, chainercv's name, out, in, kernel) of RPN and head."""
    return [
        ('rpn_conv_3x3', 'rpn/conv1', 512, 1024, 3),
        ('rpn_cls_score', 'rpn/score', 2 * anchors, 512, 1),
        ('rpn_bbox_pred', 'rpn/loc', 4 * anchors, 512, 1),
        ('conv_new_1', 'head/conv1', 1024, 2048, 1),
        ('fcis_cls_seg', 'head/cls_seg', 49 * 2 * (classes + 1), 1024, 1),
        ('fcis_bbox', 'head/ag_loc', 49 * 2 * 4, 1024, 1),
    ]


def mxnet_params(anchors=12, classes=80, blocks=BLOCKS):
    """Name -> shape of a checkpoint of msracver/FCIS."""
    params = {'arg:conv1_weight': (64, 3, 7, 7)}
    params.update({f'{kind}:bn_conv1_{param}': (64, ) for param, kind in MXNET_NORM.items()})
    for stage, i, branch, out, inp, k in convolutions(blocks):
        name = f'{stage}{block_name(stage, i, blocks)}_branch{branch}'
        params[f'arg:res{name}_weight'] = (out, inp, k, k)
        params.update({f'{kind}:bn{name}_{param}': (out, ) for param, kind in MXNET_NORM.items()})
    for name, _, out, inp, k in heads(anchors, classes):
        params[f'arg:{name}_weight'], params[f'arg:{name}_bias'] = (out, inp, k, k), (out, )
    params['arg:fcis_bbox_weight_test'], params['arg:fcis_bbox_bias_test'] = (392, 1024, 1, 1), (392, )
    return params


def chainer_params(anchors=12, classes=80, blocks=BLOCKS):
    """Name -> shape of a chainercv file; batch norms also have a counter N."""
    params = {'extractor/conv1/conv/W': (64, 3, 7, 7), 'extractor/conv1/bn/N': ()}
    params.update({f'extractor/conv1/bn/{param}': (64, ) for param in CHAINER_NORM})
    for stage, i, branch, out, inp, k in convolutions(blocks):
        name = f'extractor/res{stage}/{"a" if i == 0 else f"b{i}"}/{BRANCHES[branch]}'
        params[f'{name}/conv/W'] = (out, inp, k, k)
        params.update({f'{name}/bn/{param}': (out, ) for param in CHAINER_NORM})
        params[f'{name}/bn/N'] = ()
    for _, name, out, inp, k in heads(anchors, classes):
        params[f'{name}/W'], params[f'{name}/b'] = (out, inp, k, k), (out, )
    return params


def official_weights(params):
    """Generated tensors of ``params``; counters are 0."""
    generated = golden_state_dict({name: shape for name, shape in params.items() if shape}, seed=5, gain=1.0)
    return {name: generated.get(name, torch.tensor(0)) for name in params}


def write_params(path, tensors, version=2):
    """An MXNet ``.params`` file: version 0 is the layout before 0.12, 1 has 64-bit sides, 2 and 3 a storage type."""
    magics = {1: 0xF993FAC8, 2: 0xF993FAC9, 3: 0xF993FACA}
    types = {'float32': 0, 'float64': 1, 'float16': 2, 'uint8': 3, 'int32': 4, 'int8': 5, 'int64': 6}
    with open(path, 'wb') as file:
        file.write(struct.pack('<QQQ', 0x112, 0, len(tensors)))
        for tensor in tensors.values():
            array = np.asarray(tensor)
            if version:
                file.write(struct.pack('<I', magics[version]))
            if version >= 2:
                file.write(struct.pack('<i', 0))
            side = 'q' if version else 'I'
            file.write(struct.pack(f'<I{array.ndim}{side}', array.ndim, *array.shape))
            if array.ndim:
                file.write(struct.pack('<iii', 1, 0, types[array.dtype.name]))
                file.write(array.tobytes())
        file.write(struct.pack('<Q', len(tensors)))
        for name in tensors:
            file.write(struct.pack('<Q', len(name.encode())) + name.encode())


def backbone(weights, x, origin, blocks=BLOCKS):
    """conv4 and conv5 of both: pooling without padding that keeps a cut last window, strides on the first convolution,
    dilated conv5; norms with stored statistics."""

    def conv_norm(x, stage, i, branch, stride=1):
        if origin == 'msracver':
            name = f'{stage}{block_name(stage, i, blocks)}_branch{branch}'
            w, norm = weights[f'arg:res{name}_weight'], [weights[f'{k}:bn{name}_{p}'] for p, k in MXNET_NORM.items()]
        else:
            name = f'extractor/res{stage}/{"a" if i == 0 else f"b{i}"}/{BRANCHES[branch]}'
            w, norm = weights[f'{name}/conv/W'], [weights[f'{name}/bn/{param}'] for param in CHAINER_NORM]
        dilation = 2 if stage == 5 and branch == '2b' else 1
        pad = dilation * (w.shape[-1] // 2)
        return normed(F.conv2d(x, w, stride=stride, padding=pad, dilation=dilation), *norm, 1e-5)

    def normed(x, gamma, beta, mean, var, eps):
        scale = gamma / (var + eps).sqrt()
        return x * scale[:, None, None] + (beta - mean * scale)[:, None, None]

    if origin == 'msracver':
        first, norm = weights['arg:conv1_weight'], [weights[f'{k}:bn_conv1_{p}'] for p, k in MXNET_NORM.items()]
    else:
        first, norm = weights['extractor/conv1/conv/W'], [weights[f'extractor/conv1/bn/{p}'] for p in CHAINER_NORM]
    eps = 1e-5 if origin == 'msracver' else 2e-5  # chainer's default, which chainercv leaves for this norm alone
    x = normed(F.conv2d(x, first, stride=2, padding=3), *norm, eps).relu()
    height, width = (-(-(side - 3) // 2) * 2 + 3 for side in x.shape[2:])  # what whole windows of 3 with stride 2 cover
    x = F.pad(x, (0, width - x.shape[3], 0, height - x.shape[2]), value=-torch.inf)
    x = x.unfold(2, 3, 2).unfold(3, 3, 2).amax((-2, -1))
    outs = []
    for stage, count in blocks.items():
        for i in range(count):
            stride = 2 if stage in (3, 4) and i == 0 else 1
            y = conv_norm(x, stage, i, '2a', stride).relu()
            y = conv_norm(conv_norm(y, stage, i, '2b').relu(), stage, i, '2c')
            x = (y + (conv_norm(x, stage, i, '1', stride) if i == 0 else x)).relu()
        outs.append(x)
    return outs[2:]


def layer(weights, x, msracver, chainercv, origin):
    """One convolution of RPN or head."""
    names = {'msracver': (f'arg:{msracver}_weight', f'arg:{msracver}_bias'),
             'chainercv': (f'{chainercv}/W', f'{chainercv}/b')}[origin]
    w = weights[names[0]]
    return F.conv2d(x, w, weights[names[1]], padding=w.shape[-1] // 2)


def rpn(weights, x, origin):
    """Probability of an object (A, H, W), and deltas (A, 4, H, W) as dx dy dw dh."""
    x = layer(weights, x, 'rpn_conv_3x3', 'rpn/conv1', origin).relu()
    scores = layer(weights, x, 'rpn_cls_score', 'rpn/score', origin)[0]
    deltas = layer(weights, x, 'rpn_bbox_pred', 'rpn/loc', origin)[0]
    anchors = len(scores) // 2
    if origin == 'msracver':
        return scores.view(2, anchors, *scores.shape[1:]).softmax(0)[1], deltas.view(anchors, 4, *deltas.shape[1:])
    pairs, y_first = scores.view(anchors, 2, *scores.shape[1:]), deltas.view(anchors, 4, *deltas.shape[1:])
    return pairs.softmax(1)[:, 1], torch.stack([y_first[:, 1], y_first[:, 0], y_first[:, 3], y_first[:, 2]], 1)


def score_maps(weights, x, origin):
    """Class/mask maps (2 (C + 1) 49, H, W), and the object's box maps (4, 49, H, W) as dx dy dw dh."""
    x = layer(weights, x, 'conv_new_1', 'head/conv1', origin).relu()
    seg = layer(weights, x, 'fcis_cls_seg', 'head/cls_seg', origin)[0]
    box = layer(weights, x, 'fcis_bbox', 'head/ag_loc', origin)[0].view(2, 4, 49, *x.shape[2:])[1]
    return seg, box if origin == 'msracver' else torch.stack([box[1], box[0], box[3], box[2]])

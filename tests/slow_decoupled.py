"""DecoupledNet transcribed layer by layer from the original's prototxt and MATLAB script, under the original's names.

https://github.com/HyeonwooNoh/DecoupledNet/tree/ebd21306acb9b7248d3b735519abfa331d27ff7a:
training/004_train_seg_10_anno/004_train_seg_10_anno.prototxt, inference/DecoupledNet_inference.m.  Any number of
stages, widths and kernel of fc6; the original has five stages and 7.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from golden_cases import golden_state_dict
from official_segnet import deconv_by_definition, slow_pool, slow_unpool


class Sizes(NamedTuple):
    """What the transcription and ours share."""

    channels: tuple[int, ...] = (4, 5, 6)
    convs: tuple[int, ...] = (2, 1, 2)
    fc: int = 8
    kernel: int = 3
    seg_fc: int = 7
    classes: int = 4
    widths: tuple[tuple[int, ...], ...] = ((6, 5), (5, 4), (4, 3))


EPS = 1e-9
NORM = ('weight', 'bias', 'running_mean', 'running_var')  # of a folded BN layer of the deploy net, and its statistics


def parameters(sizes: Sizes) -> dict[str, tuple[int, ...]]:
    """Original name -> shape."""
    found: dict[str, tuple[int, ...]] = {}

    def layer(name: str, *weight: int, outputs: int, norm: str = '') -> None:
        found[f'{name}.weight'], found[f'{name}.bias'] = weight, (outputs, )
        if norm:
            found.update({f'{norm}.{part}': (outputs, ) for part in NORM})

    last = 3
    for stage, (count, width) in enumerate(zip(sizes.convs, sizes.channels, strict=True), 1):
        for conv in range(1, count + 1):
            layer(f'conv{stage}_{conv}', width, last, 3, 3, outputs=width)
            last = width
    k, top = sizes.kernel, sizes.channels[-1]
    layer('fc6', sizes.fc, top, k, k, outputs=sizes.fc)
    layer('fc7', sizes.fc, sizes.fc, 1, 1, outputs=sizes.fc)
    layer('cls-score-voc', sizes.classes, sizes.fc, 1, 1, outputs=sizes.classes)
    for name in ('pool5-bn', 'pool5-bp-bn'):
        found.update({f'{name}.{part}': (top, ) for part in NORM})
    layer('fc6-seg', sizes.seg_fc, 2 * top, k, k, outputs=sizes.seg_fc, norm='bnfc6-seg')
    layer('fc7-seg', sizes.seg_fc, sizes.seg_fc, 1, 1, outputs=sizes.seg_fc, norm='bnfc7-seg')
    layer('fc6-deconv', sizes.seg_fc, top, k, k, outputs=top, norm='fc6-deconv-bn')
    last = top
    for stage, widths in zip(range(len(sizes.channels), 0, -1), sizes.widths, strict=True):
        for conv, width in enumerate(widths, 1):
            layer(f'deconv{stage}_{conv}', last, width, 3, 3, outputs=width, norm=f'debn{stage}_{conv}')
            last = width
    layer('seg-score', 2, last, 1, 1, outputs=2)
    return found


def weights_of(sizes: Sizes, seed: int) -> dict[str, torch.Tensor]:
    """The weights of the formula of the golden cases; class scores far enough from 0 to fall on both sides."""
    made = golden_state_dict({name: list(shape) for name, shape in parameters(sizes).items()}, seed, 2.0)
    made['cls-score-voc.weight'] *= 4
    return made


def ours(weights: dict[str, torch.Tensor], sizes: Sizes) -> dict[str, torch.Tensor]:
    """The same weights under the names of ``DecoupledNet`` over ``SegNetEncoder(with_norm=False)``."""
    names = {'fc6': 'classifier.fc6', 'fc7': 'classifier.fc7', 'cls-score-voc': 'classifier.score',
             'pool5-bn': 'decode_head.norm_map', 'pool5-bp-bn': 'decode_head.norm_bridge',
             'fc6-seg': 'decode_head.fc6.0.conv', 'bnfc6-seg': 'decode_head.fc6.0.bn',
             'fc7-seg': 'decode_head.fc7.0.conv', 'bnfc7-seg': 'decode_head.fc7.0.bn',
             'fc6-deconv': 'decode_head.deconv6.0.conv', 'fc6-deconv-bn': 'decode_head.deconv6.0.bn',
             'seg-score': 'decode_head.classifier'}
    place = 0
    for stage, count in enumerate(sizes.convs, 1):
        for conv in range(1, count + 1):
            names[f'conv{stage}_{conv}'] = f'backbone.features.{place}'
            place += 2
        place += 1
    for block, widths in enumerate(sizes.widths):
        stage = len(sizes.widths) - block
        for conv in range(len(widths)):
            layer = f'decode_head.decoder.blocks.{block}.{conv}.0'
            names[f'deconv{stage}_{conv + 1}'], names[f'debn{stage}_{conv + 1}'] = f'{layer}.conv', f'{layer}.bn'
    return {f'{names[name.rpartition(".")[0]]}.{name.rpartition(".")[2]}': value for name, value in weights.items()}


def _norm(weights, name, x, training):
    if training:
        mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)
    else:
        mean, var = weights[f'{name}.running_mean'], weights[f'{name}.running_var']
    gamma, beta = weights[f'{name}.weight'], weights[f'{name}.bias']
    mean, var, gamma, beta = (one.view(1, -1, 1, 1) for one in (mean, var, gamma, beta))
    return (x - mean) / (var + EPS).sqrt() * gamma + beta


def forward(weights, image, label, sizes, *, masked=None, training=False):
    """One run of the net: class probabilities (B, K) by average pooling, segmentation scores (B, 2, H, W), pool5-bp.

    ``label`` (B, K) multiplies the sigmoid of the max-pooled scores, as in training; ``masked`` takes its place, as
    the deploy net's input does.
    """
    x, memory = image, []
    for stage, count in enumerate(sizes.convs, 1):
        for conv in range(1, count + 1):
            name = f'conv{stage}_{conv}'
            x = F.conv2d(x, weights[f'{name}.weight'], weights[f'{name}.bias'], padding=1).relu()
        x, *places = slow_pool(x, False)
        memory.append(places)
    pool5 = x
    fc6 = F.conv2d(pool5, weights['fc6.weight'], weights['fc6.bias']).relu()
    fc7 = F.conv2d(fc6, weights['fc7.weight'], weights['fc7.bias']).relu()
    score = F.conv2d(fc7, weights['cls-score-voc.weight'], weights['cls-score-voc.bias'])
    average = score.mean((2, 3)).sigmoid()
    if masked is None:
        masked = score.amax((2, 3)).sigmoid() * label
    unpooled = torch.zeros_like(score)
    for b in range(score.shape[0]):
        for k in range(score.shape[1]):
            row, column = divmod(int(score[b, k].argmax()), score.shape[3])
            unpooled[b, k, row, column] = masked[b, k]
    zero = torch.zeros(())
    fc7_bp = deconv_by_definition(unpooled, weights['cls-score-voc.weight'], zero, 0) * (fc7 > 0)
    fc6_bp = deconv_by_definition(fc7_bp, weights['fc7.weight'], zero, 0) * (fc6 > 0)
    pool5_bp = deconv_by_definition(fc6_bp, weights['fc6.weight'], zero, 0)
    x = torch.cat([_norm(weights, 'pool5-bn', pool5, training), _norm(weights, 'pool5-bp-bn', pool5_bp, training)], 1)
    for name in ('fc6-seg', 'fc7-seg'):
        x = F.conv2d(x, weights[f'{name}.weight'], weights[f'{name}.bias'])
        x = _norm(weights, f'bn{name}', x, training).relu()
    x = deconv_by_definition(x, weights['fc6-deconv.weight'], weights['fc6-deconv.bias'], 0)
    x = _norm(weights, 'fc6-deconv-bn', x, training).relu()
    for stage, widths in zip(range(len(sizes.channels), 0, -1), sizes.widths, strict=True):
        x = slow_unpool(x, *memory[stage - 1])
        for conv in range(1, len(widths) + 1):
            name = f'deconv{stage}_{conv}'
            x = deconv_by_definition(x, weights[f'{name}.weight'], weights[f'{name}.bias'], 1)
            x = _norm(weights, f'debn{stage}_{conv}', x, training).relu()
    return average, F.conv2d(x, weights['seg-score.weight'], weights['seg-score.bias']), pool5_bp


def merged(weights, image, sizes, threshold=0.5):
    """The score maps of one image (1, 3, H, W) as the script adds them up: (K + 1, H, W), normalized."""
    probability, _, _ = forward(weights, image, None, sizes, masked=torch.zeros(1, sizes.classes))
    _, score, _ = forward(weights, image, None, sizes, masked=probability * (probability > threshold))
    score_map = torch.zeros(sizes.classes + 1, *image.shape[2:])
    score_map[0] = score.softmax(1)[0, 0]
    chosen = [0]
    for k in range(sizes.classes):
        if probability[0, k] > threshold:
            label = torch.zeros(1, sizes.classes)
            label[0, k] = probability[0, k]
            _, score, _ = forward(weights, image, None, sizes, masked=label)
            score_map[k + 1] = score.softmax(1)[0, 1]
            chosen.append(k + 1)
    score_map[chosen] += (score_map.sum(0) <= 0).float()
    return score_map / score_map.sum(0), chosen

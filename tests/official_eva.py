"""Names and shapes of the released files of EVA and EVA-02, from the original's modules (baaivision/EVA@5623d08)."""

from __future__ import annotations

Shapes = dict[str, tuple[int, ...]]


def _both(name: str, *shape: int) -> Shapes:
    return {f'{name}.weight': shape, f'{name}.bias': shape[:1]}


def _attention(name: str, dims: int, packed: bool) -> Shapes:
    matrices = {'qkv': (3 * dims, dims)} if packed else dict.fromkeys(('q_proj', 'k_proj', 'v_proj'), (dims, dims))
    return {f'{name}.q_bias': (dims, ), f'{name}.v_bias': (dims, ),
            **{f'{name}.{key}.weight': shape for key, shape in matrices.items()}, **_both(f'{name}.proj', dims, dims)}


def _ffn(name: str, dims: int, hidden: int, kind: str) -> Shapes:
    if kind == 'gelu':
        return {**_both(f'{name}.fc1', hidden, dims), **_both(f'{name}.fc2', dims, hidden)}
    if kind == 'packed':
        return {**_both(f'{name}.w12', 2 * hidden, dims), **_both(f'{name}.w3', dims, hidden)}
    return {**_both(f'{name}.w1', hidden, dims), **_both(f'{name}.w2', hidden, dims),
            **_both(f'{name}.ffn_ln', hidden), **_both(f'{name}.w3', dims, hidden)}


def transformer(dims: int, depth: int, hidden: int, *, kind: str = 'separate', patch: int = 16, rows: int = 197,
                token: bool = True, tables: int = 256) -> Shapes:
    """The transformer: ``kind`` of feed-forward net, rows of ``pos_embed``, tokens of the rotary tables (0: none)."""
    shapes: Shapes = {'cls_token': (1, 1, dims)} if token else {}
    shapes |= {'pos_embed': (1, rows, dims), **_both('patch_embed.proj', dims, 3, patch, patch)}
    ropes = ['rope', *(f'blocks.{i}.attn.rope' for i in range(depth))] if tables else []
    shapes |= {f'{rope}.freqs_{part}': (tables, 64) for rope in ropes for part in ('cos', 'sin')}
    for i in range(depth):
        block = f'blocks.{i}'
        shapes |= {**_both(f'{block}.norm1', dims), **_attention(f'{block}.attn', dims, kind != 'separate'),
                   **_both(f'{block}.norm2', dims), **_ffn(f'{block}.mlp', dims, hidden, kind)}
    return shapes


def pretraining(dims: int, depth: int, hidden: int, teacher: int = 1024, **kwargs: int | str) -> Shapes:
    """A file of masked image modeling."""
    return {**transformer(dims, depth, hidden, **kwargs), 'mask_token': (1, 1, dims), **_both('norm', dims),
            **_both('lm_head', teacher, dims)}


def _pyramid(dims: int, out: int = 256) -> Shapes:
    half, quarter = dims // 2, dims // 4
    shapes = {'simfp_2.0.weight': (dims, half, 2, 2), 'simfp_2.0.bias': (half, ), **_both('simfp_2.1', half),
              'simfp_2.3.weight': (half, quarter, 2, 2), 'simfp_2.3.bias': (quarter, ),
              'simfp_3.0.weight': (dims, half, 2, 2), 'simfp_3.0.bias': (half, )}
    for level, first, channels in ((2, 4, quarter), (3, 1, half), (4, 0, dims), (5, 1, dims)):
        shapes |= {f'simfp_{level}.{first}.weight': (out, channels, 1, 1),
                   f'simfp_{level}.{first + 1}.weight': (out, out, 3, 3)}
        for layer in (first, first + 1):
            shapes |= _both(f'simfp_{level}.{layer}.norm', out)
    return shapes


def detection(dims: int, depth: int, hidden: int, classes: int = 80) -> Shapes:
    """detectron2's Cascade Mask R-CNN."""
    net = transformer(dims, depth, hidden, token=False, tables=0)
    shapes = {f'backbone.net.{key}': shape for key, shape in net.items()}
    shapes |= {f'backbone.net.{rope}.freqs_cos': (256, 64) for rope in ('rope_win', 'rope_glb', 'blocks.0.attn.rope')}
    shapes |= {f'backbone.{key}': shape for key, shape in _pyramid(dims).items()}
    rpn = 'proposal_generator.rpn_head'
    shapes |= {**_both(f'{rpn}.conv.conv0', 256, 256, 3, 3), **_both(f'{rpn}.conv.conv1', 256, 256, 3, 3),
               **_both(f'{rpn}.objectness_logits', 3, 256, 1, 1), **_both(f'{rpn}.anchor_deltas', 12, 256, 1, 1)}
    for stage in range(3):
        box, predictor = f'roi_heads.box_head.{stage}', f'roi_heads.box_predictor.{stage}'
        for conv in range(1, 5):
            shapes |= {f'{box}.conv{conv}.weight': (256, 256, 3, 3), **_both(f'{box}.conv{conv}.norm', 256)}
        shapes |= {**_both(f'{box}.fc1', 1024, 256 * 49), **_both(f'{predictor}.cls_score', classes + 1, 1024),
                   **_both(f'{predictor}.bbox_pred', 4, 1024)}
    mask = 'roi_heads.mask_head'
    for conv in range(1, 5):
        shapes |= {f'{mask}.mask_fcn{conv}.weight': (256, 256, 3, 3), **_both(f'{mask}.mask_fcn{conv}.norm', 256)}
    return {**shapes, **_both(f'{mask}.deconv', 256, 256, 2, 2), **_both(f'{mask}.predictor', classes, 256, 1, 1)}


def _conv(name: str, out: int, channels: int, kernel: int) -> Shapes:
    return {f'{name}.conv.weight': (out, channels, kernel, kernel), **_norm(f'{name}.bn', out)}


def _norm(name: str, width: int) -> Shapes:
    moments = {f'{name}.{moment}': (width, ) for moment in ('running_mean', 'running_var')}
    return {**_both(name, width), **moments, f'{name}.num_batches_tracked': ()}


def segmentation(dims: int, depth: int, hidden: int, side: int = 32, classes: int = 150) -> Shapes:
    """mmseg's UperNet with its auxiliary head."""
    net = transformer(dims, depth, hidden, rows=side**2 + 1, tables=side**2)
    shapes = {f'backbone.{key}': shape for key, shape in net.items()}
    for name in ('fpn1.0', 'fpn1.3', 'fpn2.0'):
        shapes |= _both(f'backbone.{name}', dims, dims, 2, 2)
    shapes |= _norm('backbone.fpn1.1', dims)
    for i in range(4):
        shapes |= _conv(f'decode_head.psp_modules.{i}.1', dims, dims, 1)
    for i in range(3):
        shapes |= {**_conv(f'decode_head.lateral_convs.{i}', dims, dims, 1),
                   **_conv(f'decode_head.fpn_convs.{i}', dims, dims, 3)}
    shapes |= {**_conv('decode_head.bottleneck', dims, 5 * dims, 3),
               **_conv('decode_head.fpn_bottleneck', dims, 4 * dims, 3),
               **_both('decode_head.conv_seg', classes, dims, 1, 1)}
    return {**shapes, **_conv('auxiliary_head.convs.0', 256, dims, 3),
            **_both('auxiliary_head.conv_seg', classes, 256, 1, 1)}

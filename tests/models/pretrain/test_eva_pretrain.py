"""EVA's pre-training: which tokens are masked and count, the loss, gradients, start values, errors, the target."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.registry import MODELS
from mmseg.structures import SegDataSample
from torch import nn

from mmseg_plugins.models.pretrain import EVAPretrain
from mmseg_plugins.models.pretrain.targets import HOGTargets
from mmseg_plugins.utils.errors import UserError

ARCH = dict(embed_dims=16, depth=2, num_heads=2)
BACKBONE = dict(type='mmseg_plugins.EVA02', arch=ARCH, pretrain_size=64, final_norm=True)
HOG = dict(type='mmseg_plugins.HOGTargets', patch_size=16)
PREPROCESSOR = dict(
    type='mmengine.ImgDataPreprocessor', mean=[10.0, 20.0, 30.0], std=[2.0, 4.0, 5.0], bgr_to_rgb=True)


def build(backbone=None, **kwargs):
    torch.manual_seed(0)
    model = MODELS.build(dict(
        type='mmseg_plugins.EVAPretrain', backbone={**BACKBONE, **(backbone or {})}, data_preprocessor=PREPROCESSOR,
        **{'target': HOG, **kwargs}))  # fmt: skip
    model.init_weights()
    return model


def data(masks, size=(64, 64)):
    generator = torch.Generator().manual_seed(0)
    images = [torch.randint(0, 256, (3, *size), generator=generator).byte() for _ in masks]
    return dict(inputs=images, data_samples=[SegDataSample(metainfo=dict(token_mask=np.array(mask))) for mask in masks])


def mask(*cells, grid=(4, 4)):
    out = np.zeros(grid, bool)
    for cell in cells:
        out[cell] = True
    return out


@pytest.mark.parametrize('with_cls_token', [True, False])
def test_the_loss_is_the_negative_mean_cosine_of_the_masked_tokens(with_cls_token):
    model = build(dict(with_cls_token=with_cls_token)).eval()
    given = model.data_preprocessor(data([mask((0, 1), (3, 2)), mask((2, 2))]), True)
    loss = model(**given, mode='loss')['loss_cosine']
    net = model.backbone
    cosines = []
    for image, sample in zip(given['inputs'], given['data_samples'], strict=True):
        x = net.patch_embed(image[None]).flatten(2).transpose(1, 2)
        hidden = torch.from_numpy(sample.metainfo['token_mask']).flatten()
        x = torch.where(hidden[None, :, None], model.mask_token, x)
        x = torch.cat([net.cls_token, x], 1) if with_cls_token else x
        x = x + net.pos_embed
        for block in net.blocks:
            x = block(x, (4, 4), net.rotary.tables(4, 4))
        out = model.lm_head(net.norm(x)[0, int(with_cls_token):][hidden])
        pixels = image * torch.tensor([2.0, 4.0, 5.0]).view(3, 1, 1) + torch.tensor([10.0, 20.0, 30.0]).view(3, 1, 1)
        wanted = HOGTargets(16)(pixels[None], (4, 4))[0][hidden]
        cosines.append(F.cosine_similarity(out, wanted))
    torch.testing.assert_close(loss, -torch.cat(cosines).mean())
    assert len(torch.cat(cosines)) == 3


def test_what_is_masked_does_not_reach_the_prediction():
    model = build().eval()
    given = model.data_preprocessor(data([mask((0, 1))]), True)
    first, _, _ = model.compare(**given)
    given['inputs'][:, :, :16, 16:32] = 3.0
    again, _, _ = model.compare(**given)
    assert torch.equal(first, again)
    given['inputs'][:, :, :16, :16] = 3.0
    assert not torch.equal(first, model.compare(**given)[0])


@pytest.mark.parametrize('batch', [[mask((0, 1)), mask((2, 2))], [mask((0, 0)), mask()], [mask(), mask()]])
def test_every_weight_has_a_gradient_and_the_target_none(batch):
    model = build(dict(with_cls_token=True)).train()
    loss = model(**model.data_preprocessor(data(batch), True), mode='loss')['loss_cosine']
    loss.backward()
    assert loss.isfinite()
    assert not [name for name, p in model.named_parameters() if p.grad is None or not p.grad.isfinite().all()]


def test_the_patch_embedding_learns_with_a_tenth():
    grads = []
    for stop in (True, False):
        model = build(stop_grad_conv1=stop).train()
        model(**model.data_preprocessor(data([mask((1, 1))]), True), mode='loss')['loss_cosine'].backward()
        grads.append(model.backbone.patch_embed.proj.weight.grad)
    torch.testing.assert_close(grads[0], 0.1 * grads[1])


def test_half_precision_compares_in_float32():
    model = build().train()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        loss = model(**model.data_preprocessor(data([mask((1, 1))]), True), mode='loss')['loss_cosine']
    assert loss.dtype == torch.float32
    loss.backward()


def test_start_values_are_the_originals():
    model = build(dict(arch=dict(embed_dims=128, depth=3, num_heads=2, hidden=256, packed=False)))
    block, factor = model.backbone.blocks[1], math.sqrt(math.log(6))
    attention = block.attn
    for layer, scale in ((block.mlp.w1, factor), (attention.v_proj, factor), (attention.q_proj, 1), (model.lm_head, 1)):
        wanted = scale * math.sqrt(2 / sum(layer.weight.shape))
        assert float(layer.weight.std()) == pytest.approx(wanted, rel=0.05)
        assert layer.bias is None or not layer.bias.any()
    for vector in (model.mask_token, model.backbone.pos_embed):
        assert 0 < float(vector.abs().max()) <= 0.02


def test_weights_of_a_file_stay(tmp_path):
    source = build()
    torch.save(dict(state_dict=source.state_dict()), tmp_path / 'start.pth')
    init = dict(type='Pretrained', prefix='backbone.', checkpoint=str(tmp_path / 'start.pth'))
    read, wanted = build(dict(init_cfg=init)).backbone.state_dict(), source.backbone.state_dict()
    assert all(torch.equal(read[name], value) for name, value in wanted.items())


@pytest.mark.parametrize('bad', [mask(grid=(2, 4)), None])
def test_masks_of_another_grid_are_named(bad):
    model = build()
    given = data([mask(), mask()])
    given['data_samples'][1].set_metainfo(dict(token_mask=bad))
    with pytest.raises(UserError, match=r'token_mask has the shapes .*the patches \(4, 4\).*BlockMasking'):
        model(**model.data_preprocessor(given, True), mode='loss')


def test_other_backbones_are_refused():
    with pytest.raises(UserError, match=r'the backbone is mmdet\.ResNet'):
        EVAPretrain(dict(type='mmdet.ResNet', depth=18), HOG)
    with pytest.raises(UserError, match='with one map'):
        EVAPretrain({**BACKBONE, 'out_indices': (0, 1)}, HOG)


def test_a_step_of_training_moves_the_student_alone(tmp_path):
    teacher = dict(type='mmseg_plugins.VGG', depth=11, base_channels=4, out_indices=(3, ), with_bn=True)
    weights = MODELS.build(dict(teacher)).state_dict()
    torch.save(weights, tmp_path / 'teacher.pth')
    teacher['init_cfg'] = dict(type='Pretrained', checkpoint=str(tmp_path / 'teacher.pth'))
    model = build(target=dict(type='mmseg_plugins.BackboneTargets', channels=32, backbone=teacher)).train()
    read = model.target.backbone.state_dict()
    assert all(torch.equal(read[name], value) for name, value in weights.items())
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    trained = [p for p in model.parameters() if p.requires_grad]
    model(**model.data_preprocessor(data([mask((1, 1))]), True), mode='loss')['loss_cosine'].backward()
    torch.optim.SGD(trained, 0.1).step()
    moved = {name.split('.')[0] for name, p in model.named_parameters() if not torch.equal(before[name], p)}
    assert moved == {'backbone', 'mask_token', 'lm_head'}
    assert not any(isinstance(m, nn.BatchNorm2d) and m.training for m in model.modules())

"""SegNet's and DeconvNet's heads in mmseg: sizes, Basic against a transcription, void batches, bf16, errors."""

import pytest
import torch
import torch.nn.functional as F
from mmengine.registry import MODELS
from official_segnet import slow_pool, slow_unpool
from semantic_batches import random_labels, semantic_batch
from tiny_segnet import TINY, basic_parts, deconvnet_parts, mirrored, scores, segmentor, segnet_parts

CLASSES = 5
PARTS = {'segnet': segnet_parts, 'port': lambda: segnet_parts(last_norm_act=True), 'basic': basic_parts,
         'deconvnet': deconvnet_parts}


def initialized(parts):
    torch.manual_seed(0)
    model = segmentor(parts)
    model.init_weights()
    return model


@pytest.mark.parametrize('kind', ['segnet', 'basic'])
@pytest.mark.parametrize('size', [(1, 1), (37, 50), (33, 3)])
def test_scores_have_the_size_of_any_image(kind, size):
    model = initialized(PARTS[kind]()).eval()
    data = model.data_preprocessor(semantic_batch([random_labels(size, CLASSES)]), False)
    with torch.no_grad():
        assert scores(model, data['inputs']).shape == (1, CLASSES, *size)
        sample = model.predict(data['inputs'], data['data_samples'])[0]
    assert sample.pred_sem_seg.data.shape == (1, *size)


@pytest.mark.parametrize('kind', sorted(PARTS))
@pytest.mark.parametrize('void', [0.1, 1.0])
def test_training_step_reaches_every_parameter_even_without_a_label(kind, void):
    model = initialized(PARTS[kind]()).train()
    labels = [random_labels((32, 32), CLASSES, void=void, seed=seed) for seed in (0, 1)]
    data = model.data_preprocessor(semantic_batch(labels), True)
    losses = model.loss(data['inputs'], data['data_samples'])
    assert losses['decode.loss_ce'].isfinite()
    losses['decode.loss_ce'].backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


def slow_basic(model, image):
    """SegNet-Basic in evaluation, from its definition."""
    net, head = model.backbone.net, model.decode_head

    def conv_bn(conv, bn, x):
        x = F.conv2d(x, conv.weight, conv.bias, padding=3)
        mean, var, gamma, beta = (t.view(1, -1, 1, 1) for t in (bn.running_mean, bn.running_var, bn.weight, bn.bias))
        return (x - mean) / (var + 1e-5).sqrt() * gamma + beta

    x, memory = F.local_response_norm(image, 5, 1e-4, 0.75), []
    for stage in range(4):
        x, *places = slow_pool(conv_bn(net.features[4 * stage], net.features[4 * stage + 1], x).relu(), True)
        memory.append(places)
    for block in head.decoder.blocks:
        x = conv_bn(block[0].conv, block[0].bn, slow_unpool(x, *memory.pop()))  # no ReLU
    return F.conv2d(x, head.classifier[0].conv.weight, head.classifier[0].conv.bias)


@pytest.mark.parametrize(('size', 'seed'), [((21, 30), 0), ((16, 17), 1)])
def test_basic_is_its_transcription(size, seed):
    torch.manual_seed(seed)
    model = segmentor(basic_parts(6)).eval()
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            for tensor in (module.running_mean, module.bias.data):
                tensor.normal_()
            for tensor in (module.running_var, module.weight.data):
                tensor.uniform_(0.5, 2)
    image = torch.randint(0, 256, (2, 3, *size)).float()
    with torch.no_grad():
        torch.testing.assert_close(scores(model, image), slow_basic(model, image), rtol=1e-4, atol=1e-4)


def test_dropout_is_after_the_chosen_blocks():
    model = initialized(segnet_parts(dropout=0.999, dropout_blocks=(5, 3))).train()
    seen = []
    for block in model.decode_head.decoder.blocks:
        block.register_forward_pre_hook(lambda _, args: seen.append((args[0] == 0).float().mean().item()))
    scores(model, torch.randn(2, 3, 64, 64))
    assert [share > 0.95 for share in seen] == [False, True, False, True, False]  # what D5 and D3 gave is gone


@pytest.mark.parametrize('kind', sorted(PARTS))
def test_bfloat16_trains(kind):
    model = initialized(PARTS[kind]()).train()
    data = model.data_preprocessor(semantic_batch([random_labels((32, 32), CLASSES)] * 2), True)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        loss = model.loss(data['inputs'], data['data_samples'])['decode.loss_ce']
    loss.backward()
    assert loss.isfinite()
    assert all(p.grad is not None for p in model.parameters())


def test_deconvnet_predicts_larger_images_in_windows():
    model = segmentor(deconvnet_parts(), mode='slide', crop_size=(32, 32), stride=(20, 24)).eval()
    data = model.data_preprocessor(semantic_batch([random_labels((52, 80), CLASSES)]), False)
    with torch.no_grad():
        assert model.predict(data['inputs'], data['data_samples'])[0].seg_logits.data.shape == (CLASSES, 52, 80)


def test_deconvnet_starts_with_narrow_normal_weights():
    head = initialized(deconvnet_parts((16, ) * 5, 16)).decode_head
    for layer in (head.deconv6[0].conv, head.decoder.blocks[0][0][0].conv, head.classifier):
        assert layer.weight.std().item() == pytest.approx(0.01, rel=0.3)


@pytest.mark.parametrize(('settings', 'words'), [
    (dict(input_transform='resize_concat'), "input_transform='resize_concat' must be 'multiple_select'"),
    (dict(kernel_size=2), 'kernel_size=2 and classifier_kernel=3 must be odd'),
    (dict(widths=mirrored(TINY)[:4]), '4 blocks .* for 5 index maps'),
    (dict(widths=mirrored((4, 6, 8, 9, 10))), r'\[10, 9, 8, 6, 4\] channels meet indices of \[10, 10, 8, 6, 4\]'),
    (dict(dropout_blocks=(6, )), r'after blocks \(6,\), but they are counted 1..5')])
def test_bad_settings_are_named(settings, words):
    with pytest.raises(ValueError, match=words):
        MODELS.build(segnet_parts(**settings)[1])


def test_another_fc_kernel_than_the_encoders_is_named():
    backbone, head = deconvnet_parts(side=2)
    model = segmentor((backbone, dict(head, fc_kernel=1)))
    with pytest.raises(ValueError, match='1 x 1 cells, the coarsest indices have 2 x 2; fc_kernel'):
        scores(model, torch.randn(2, 3, 64, 64))

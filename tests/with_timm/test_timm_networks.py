"""Networks of timm under heads of both hosts, and its EVA-02 next to this package's."""

import pytest
import torch
from mixing_grid import BATCHES, WIDTH
from mixing_systems import Maps, mask_rcnn
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope
from semantic_batches import random_labels, semantic_batch
from tiny_models import batch, build, losses_of, predictions_of

from mmseg_plugins.engine.checks.compatibility import check_model
from mmseg_plugins.models.backbones import EVA02, TimmBackbone
from mmseg_plugins.utils.errors import UserError

NETWORKS = {
    'resnet18': {},
    'convnext_atto': {},
    'mobilenetv3_small_050': dict(out_indices=(1, 2, 3, 4)),
    'efficientnet_lite0': dict(out_indices=(1, 2, 3, 4)),
    'swin_tiny_patch4_window7_224': dict(options=dict(img_size=64, window_size=2, embed_dim=12)),
}


@pytest.mark.parametrize('name', NETWORKS)
def test_a_network_trains_and_predicts_under_mask_rcnn(name):
    backbone = dict(type='mmseg_plugins.TimmBackbone', model=name, **NETWORKS[name])
    probe = MODELS.build(dict(backbone))
    strides = [s for s in probe.strides if s > 2]
    if len(strides) < len(probe.strides):
        backbone['out_indices'] = tuple(i for i, s in enumerate(probe.strides) if s > 2)
        probe = MODELS.build(dict(backbone))
    assert probe.strides == (4, 8, 16, 32)
    model = mask_rcnn(Maps([WIDTH] * 5, [4, 8, 16, 32, 64]))
    model.update(
        data_preprocessor=dict(type='mmdet.DetDataPreprocessor', mean=[127.0] * 3, std=[60.0] * 3,
                               pad_size_divisor=32, pad_mask=True),
        backbone=backbone,
        neck=dict(type='mmdet.FPN', in_channels=list(probe.channels), out_channels=WIDTH, num_outs=5))
    model = build(Config(dict(model=model, default_scope='mmdet')))
    check_model(model)
    losses = losses_of(model, batch(BATCHES['objects']))
    sum(loss.sum() for loss in losses.values()).backward()
    assert all(loss.isfinite().all() for loss in losses.values())
    assert all(found.masks.shape[1:] == (64, 64) for found in predictions_of(model, batch(BATCHES['objects'])))


def test_a_neck_with_other_channels_is_named():
    model = mask_rcnn(Maps([WIDTH] * 5, [4, 8, 16, 32, 64]))
    model.update(data_preprocessor=dict(type='mmdet.DetDataPreprocessor', mean=[0.0] * 3, std=[1.0] * 3),
                 backbone=dict(type='mmseg_plugins.TimmBackbone', model='resnet18', out_indices=(1, 2, 3, 4)),
                 neck=dict(type='mmdet.FPN', in_channels=[64, 128, 256, 500], out_channels=WIDTH, num_outs=5))
    with pytest.raises(UserError, match=r'model\.neck'):
        check_model(build(Config(dict(model=model, default_scope='mmdet'))))


def test_dilation_under_a_head_of_mmseg():
    backbone = dict(type='mmseg_plugins.TimmBackbone', model='resnet18', output_stride=8, out_indices=(4, ))
    with DefaultScope.overwrite_default_scope('mmseg'):
        model = MODELS.build(dict(
            type='EncoderDecoder', backbone=backbone,
            data_preprocessor=dict(type='SegDataPreProcessor', size=(64, 64), seg_pad_val=255),
            decode_head=dict(type='FCNHead', in_channels=512, in_index=0, channels=8, num_classes=3, num_convs=1),
            train_cfg=dict(), test_cfg=dict(mode='whole')))
    assert model.backbone.strides == (8, )
    data = model.data_preprocessor(semantic_batch([random_labels((64, 64), 3), random_labels((64, 64), 3)]), True)
    losses = model.loss(data['inputs'], data['data_samples'])
    assert model.parse_losses(losses)[0].isfinite()


def test_a_file_of_a_whole_classifier_fills_the_features(tmp_path):
    from timm import create_model  # where timm is missing, these tests are counted without being run

    classifier = create_model('resnet18', num_classes=7)
    torch.save(classifier.state_dict(), tmp_path / 'resnet18.pth')
    net = TimmBackbone('resnet18', pretrained=str(tmp_path / 'resnet18.pth'), out_indices=(2, ))
    net.init_weights()
    assert torch.equal(net.net.layer2[0].conv1.weight, classifier.layer2[0].conv1.weight)
    gray = TimmBackbone('resnet18', pretrained=str(tmp_path / 'resnet18.pth'), in_channels=1)
    gray.init_weights()
    torch.testing.assert_close(gray.net.conv1.weight, classifier.conv1.weight.sum(1, keepdim=True))


def test_weights_that_are_not_in_the_cache_stop_a_run(monkeypatch, tmp_path):
    monkeypatch.setattr('huggingface_hub.constants.HF_HUB_OFFLINE', True)
    monkeypatch.setattr('huggingface_hub.constants.HF_HUB_CACHE', str(tmp_path))
    with pytest.raises(UserError, match=r'weights of resnet18 cannot be had: .*Fix: give a local file') as caught:
        TimmBackbone('resnet18', pretrained=True).init_weights()
    assert '\n' not in str(caught.value)


def ours_under_timms_names(ours):
    """State dict of ``EVA02`` for ``timm``'s ``Eva``, whose loader knows the original's names."""
    from timm.models.eva import checkpoint_filter_fn

    return lambda net: checkpoint_filter_fn({key: value.clone() for key, value in ours.state_dict().items()}, net)


@pytest.mark.parametrize(('kind', 'name', 'size'), [
    ('ti', 'eva02_tiny_patch14_224', (224, 224)), ('ti', 'eva02_tiny_patch14_224', (112, 210)),
    ('b', 'eva02_base_patch14_224', (70, 98))])
def test_eva02_agrees_with_timms(kind, name, size, record_property):
    """Un-windowed, with class token and final norm; also images that are not square.

    timm resizes absolute positions with antialiasing and the original without, so other sizes have none here.
    """
    torch.manual_seed(0)
    ours = EVA02(kind, patch_size=14, with_cls_token=True, final_norm=True).eval()
    with torch.no_grad():
        for parameter in ours.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.02)
        if size != (224, 224):
            ours.pos_embed.zero_()
    from timm import create_model

    theirs = create_model(name, num_classes=0, global_pool='token', dynamic_img_size=True, img_size=224).eval()
    theirs.load_state_dict(ours_under_timms_names(ours)(theirs), strict=True)
    image = torch.randn(1, 3, *size)
    with torch.no_grad():
        there = theirs.forward_features(image)
        (here, ) = ours(image)
    there = there[:, 1:].transpose(1, 2).reshape(here.shape)
    difference = float((here - there).abs().max() / there.abs().max())
    record_property('difference', difference)
    assert difference < 2e-5, difference


def test_the_registry_of_the_hosts_finds_it():
    with DefaultScope.overwrite_default_scope('mmdet'):
        assert isinstance(MODELS.build(dict(type='mmseg_plugins.TimmBackbone', model='resnet18')), TimmBackbone)

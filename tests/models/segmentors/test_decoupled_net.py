"""DecoupledNet against its transcription, its bridge against autograd, its merge, and what it does with odd batches."""

import pytest
import torch
import torch.nn.functional as F
from mmengine.config import ConfigDict
from mmengine.registry import MODELS as ROOT_MODELS
from semantic_batches import random_labels, semantic_batch
from simulated_device import SimulatedDevice
from slow_decoupled import EPS, Sizes, forward, merged, ours, weights_of

from mmseg_plugins.config.walk import set_num_classes
from mmseg_plugins.models.task_modules.image_labels import VALUES, image_labels
from mmseg_plugins.registry import MODELS
from mmseg_plugins.utils.errors import UserError

SIZES = Sizes()
SIDE = 40  # px: 5 x 5 cells after three pools, 3 x 3 of scores
CASES = [(SIZES, 0), (SIZES, 3), (Sizes((3, 5, 4, 6), (1, 1, 2, 1), 9, 2, 6, 3, ((6, 4), (5, ), (5, 3), (4, ))), 1)]


def parts(sizes=SIZES, **changes):
    """Backbone, classifier and decode head as configs."""
    count = len(sizes.channels)
    backbone = dict(type='mmseg_plugins.SegNetEncoder', convs=sizes.convs, channels=sizes.channels, ceil_mode=False,
                    with_norm=False)
    classifier = dict(type='mmseg_plugins.MultiLabelHead', in_channels=sizes.channels[-1], in_index=count - 1,
                      num_classes=sizes.classes + 1, fc_channels=sizes.fc, fc_kernel=sizes.kernel)
    top = sizes.channels[-1]
    head = dict(type='mmseg_plugins.DecoupledNetHead', in_channels=(top, top, *sizes.channels, 3),
                in_index=(count - 1, 2 * count, *range(count, 2 * count), 2 * count + 1), fc_channels=sizes.seg_fc,
                fc_kernel=sizes.kernel, widths=sizes.widths, norm_cfg=dict(type='BN', eps=EPS),
                loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True))
    preprocessor = dict(type='SegDataPreProcessor', mean=[104.0, 117.0, 123.0], std=[1.0] * 3, seg_pad_val=255,
                        size_divisor=1)
    common = dict(backbone=backbone, classifier=classifier, data_preprocessor=preprocessor,
                  test_cfg=ConfigDict(mode='whole'))
    return common, dict(head, **changes)


def decoupled(sizes=SIZES, weights=None, **changes):
    common, head = parts(sizes, **changes)
    torch.manual_seed(0)
    model = MODELS.build(dict(common, type='mmseg_plugins.DecoupledNet', decode_head=head))
    if weights is not None:
        state = ours(weights, sizes)
        state.update({name: value for name, value in model.state_dict().items() if 'num_batches' in name})
        model.load_state_dict(state)
    return model.eval()


def image_of(seed, batch=1, side=SIDE):
    return 2 * torch.randn(batch, 3, side, side, generator=torch.Generator().manual_seed(seed))


def training_batch(labels, chosen):
    """Raw input of training: label maps of 0, 1 and 255, and the classes that 1 stands for."""
    batch = semantic_batch(labels)
    for sample, classes in zip(batch['data_samples'], chosen, strict=True):
        row = torch.zeros(VALUES)
        row[list(classes)] = 1
        sample.set_data(dict(class_labels=row))
    return batch


@pytest.mark.parametrize(('sizes', 'seed'), CASES)
@torch.no_grad()
def test_a_pass_is_the_originals(sizes, seed):
    """Class probabilities, bridge and scores for a given ``cls-score-masked``."""
    weights = weights_of(sizes, seed)
    model, image = decoupled(sizes, weights), image_of(seed, 2)
    labels = torch.rand(2, sizes.classes, generator=torch.Generator().manual_seed(seed))
    average, score, pool5_bp = forward(weights, image, None, sizes, masked=labels)
    maps = model.extract_feat(image)
    reading = model.classifier.read(maps)
    bridge = model.classifier.bridge(reading, labels)
    torch.testing.assert_close(reading.probabilities, average, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(bridge, pool5_bp, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(model.decode_head((*maps, bridge, image)), score, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize('seed', [0, 1, 2])
def test_the_bridge_is_the_gradient_of_the_greatest_scores(seed):
    model = decoupled(weights=weights_of(SIZES, seed)).double()
    top = torch.randn(3, SIZES.channels[-1], 6, 5, dtype=torch.float64, requires_grad=True)
    labels = torch.rand(3, SIZES.classes, dtype=torch.float64)
    given = [top] * len(SIZES.channels)
    reading = model.classifier.read(given)
    (wanted, ) = torch.autograd.grad((reading.scores.amax((2, 3)) * labels).sum(), top)
    with torch.no_grad():
        torch.testing.assert_close(model.classifier.bridge(reading, labels), wanted)
        one = model.classifier.bridge(reading.of(1), labels)  # several passes of one image
        torch.testing.assert_close(one[1], wanted[1])


@pytest.mark.parametrize(('sizes', 'seed'), CASES)
@torch.no_grad()
def test_the_merged_maps_are_the_scripts(sizes, seed):
    weights = weights_of(sizes, seed)
    model = decoupled(sizes, weights)
    images = torch.cat([image_of(10 + seed), image_of(20 + seed)])
    found = model.probabilities(images)
    counts = set()
    for image, ours_ in zip(images, found, strict=True):
        wanted, chosen = merged(weights, image[None], sizes)
        counts.add(len(chosen))
        torch.testing.assert_close(ours_, wanted, rtol=1e-3, atol=1e-5)
        assert (ours_.sum((1, 2)) > 0).nonzero().flatten().tolist() == chosen
    assert counts - {1}, 'no image with a class: the case says nothing'
    for at_once in (1, 2):
        model.test_cfg = ConfigDict(mode='whole', passes=at_once)
        torch.testing.assert_close(model.probabilities(images), found)


@torch.no_grad()
def test_an_image_without_any_class_is_background():
    model = decoupled(weights=weights_of(SIZES, 0))
    model.classifier.score.bias.fill_(-50.0)
    found = model.probabilities(image_of(0, 2))
    assert torch.equal(found[:, 0], torch.ones(2, SIDE, SIDE))
    assert not found[:, 1:].any()


@torch.no_grad()
def test_a_fixed_side_pads_with_black_to_a_square_and_comes_back():
    model = decoupled(weights=weights_of(SIZES, 0))
    model.test_cfg = ConfigDict(mode='whole', side=SIDE)
    raw = torch.randint(0, 256, (3, 30, 50), dtype=torch.uint8)
    inputs = model.data_preprocessor(dict(inputs=[raw]), False)['inputs']
    square = torch.zeros(3, 50, 50)
    square[:, :30] = raw
    resized = F.interpolate(square[None], size=(SIDE, SIDE), mode='bilinear', antialias=True)
    inside = model.probabilities(resized - torch.tensor([104.0, 117.0, 123.0]).view(3, 1, 1))
    wanted = F.interpolate(inside, size=(50, 50), mode='bicubic', antialias=True)[..., :30, :]
    scores = model.encode_decode(inputs, [])
    assert scores.shape == (1, SIZES.classes + 1, 30, 50)
    assert torch.equal(scores.argmax(1), wanted.argmax(1))
    assert scores.argmax(1).unique().numel() > 1


def losses_of(model, batch):
    data = model.data_preprocessor(batch, True)
    return model.loss(data['inputs'], data['data_samples'])


def test_the_loss_is_that_of_the_original():
    """Batch statistics, sigmoids of the greatest scores, mean over the labelled pixels."""
    weights = weights_of(SIZES, 0)
    model = decoupled(weights=weights).train()
    labels = [random_labels((SIDE, SIDE), 2, seed=seed) for seed in (0, 1)]
    data = model.data_preprocessor(training_batch(labels, [(1, 3), (2, )]), True)
    vector = torch.tensor([[1.0, 0, 1, 0], [0, 1, 0, 0]])
    _, score, _ = forward(weights, data['inputs'], vector, SIZES, training=True)
    wanted = F.cross_entropy(score, torch.stack(labels).long(), ignore_index=255)
    found = model.loss(data['inputs'], data['data_samples'])['decode.loss_ce']
    torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(('void', 'chosen'), [(0.1, [(1, ), (2, 4)]), (0.1, [(), ()]), (1.0, [(1, ), ()])])
def test_every_parameter_of_the_decoder_learns_whatever_the_batch(void, chosen):
    model = decoupled().train()
    labels = [random_labels((SIDE, SIDE), 2, void=void, seed=seed) for seed in (0, 1)]
    loss = losses_of(model, training_batch(labels, chosen))['decode.loss_ce']
    assert loss.isfinite()
    loss.backward()
    for name, parameter in model.named_parameters():
        assert (parameter.grad is not None) == name.startswith('decode_head'), name
        assert parameter.grad is None or parameter.grad.isfinite().all(), name


def test_the_first_stage_stays_as_it_was():
    model = decoupled().train()
    frozen = [model.backbone, model.classifier]
    assert not any(module.training for part in frozen for module in part.modules())
    assert model.decode_head.training
    assert not any(parameter.requires_grad for part in frozen for parameter in part.parameters())


def test_samples_without_class_labels_are_refused():
    with pytest.raises(UserError, match='ClassSubset'):
        losses_of(decoupled().train(), semantic_batch([random_labels((SIDE, SIDE), 2)]))


def test_own_classes_reach_the_classifier_and_not_the_decoder():
    model = dict(classifier=dict(num_classes=21), decode_head=dict(num_classes=2))
    set_num_classes(model, 4)
    assert (model['classifier']['num_classes'], model['decode_head']['num_classes']) == (4, 2)


def test_a_head_of_mmseg_reads_the_bridge():
    """Any head with two scores works over the maps and the bridge, which has a norm of its own then."""
    head = dict(type='mmseg.FCNHead', in_channels=[6, 6], in_index=[2, 6], input_transform='resize_concat', channels=8,
                num_convs=1, num_classes=2, norm_cfg=dict(type='BN'), concat_input=False,
                loss_decode=dict(type='mmseg.CrossEntropyLoss', avg_non_ignore=True))
    common, _ = parts()
    model = MODELS.build(dict(common, type='mmseg_plugins.DecoupledNet', decode_head=head,
                              bridge_norm_cfg=dict(type='BN'))).train()
    labels = [random_labels((SIDE, SIDE), 2, seed=seed) for seed in (0, 1)]
    losses_of(model, training_batch(labels, [(1, ), (2, )]))['decode.loss_ce'].backward()
    learned = [*model.decode_head.parameters(), *model.bridge_norm.parameters()]
    assert all(p.grad is not None and p.grad.any() for p in learned)
    with torch.no_grad():
        (result, ) = model.eval().test_step(semantic_batch([random_labels((33, 47), 5)]))
    assert result.seg_logits.data.shape == (5, 33, 47)


def test_too_small_images_are_refused_with_a_reason():
    with pytest.raises(ValueError, match=r'2 x 2 cells, fc6 needs at least 3 x 3'):
        decoupled().test_step(semantic_batch([random_labels((16, 16), 2)]))


# The first stage.


def classifier():
    common, _ = parts()
    torch.manual_seed(0)
    return MODELS.build(dict(common, type='mmseg_plugins.MultiLabelClassifier'))


def test_the_classifier_learns_the_classes_that_the_maps_hold():
    model = classifier()
    labels = [random_labels((SIDE, SIDE), 5, seed=0).clamp(max=255) for _ in range(2)]
    labels[1] = torch.where(labels[1] == 3, 255, labels[1])
    data = model.data_preprocessor(semantic_batch(labels), True)
    rows = image_labels(data['data_samples'])
    assert rows.shape == (2, VALUES)
    assert rows[0].nonzero().flatten().tolist() == [0, 1, 2, 3, 4, 255]
    assert rows[1].nonzero().flatten().tolist() == [0, 1, 2, 4, 255]
    losses = model.eval().loss(data['inputs'], data['data_samples'])
    mean = model.classifier(model.backbone(data['inputs'])).mean((2, 3))
    wanted = F.binary_cross_entropy(mean.sigmoid(), torch.tensor([[1.0, 1, 1, 1], [1, 1, 0, 1]]))
    torch.testing.assert_close(losses['loss_cls'], 4 * wanted)  # Caffe adds up the classes
    model.train().loss(data['inputs'], data['data_samples'])['loss_cls'].backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


@torch.no_grad()
def test_the_classifier_predicts_scores_and_a_coarse_map():
    model = classifier().eval()
    model.classifier.score.weight.mul_(1000)
    (result, ) = model.test_step(semantic_batch([random_labels((SIDE, SIDE + 9), 5)]))
    assert result.class_scores.shape == (4, )
    assert result.pred_sem_seg.data.shape == (1, SIDE, SIDE + 9)
    said = set(result.pred_sem_seg.data.unique().tolist()) - {0}
    assert said <= set(((result.class_scores > 0.5).nonzero().flatten() + 1).tolist())


def test_weights_of_the_first_stage_fit_the_second():
    first, second = classifier().state_dict(), decoupled().state_dict()
    assert set(first) == {name for name in second if not name.startswith('decode_head.')}
    assert all(second[name].shape == value.shape for name, value in first.items())


@pytest.mark.parametrize('build', [decoupled, classifier])
def test_it_trains_and_predicts_on_another_device(build):
    model = build()
    with SimulatedDevice() as device:
        device.move(model).train()
        labels = [random_labels((SIDE, SIDE), 2, seed=seed) for seed in (0, 1)]
        losses = losses_of(model, training_batch(labels, [(1, ), (2, 3)]))
        sum(value for name, value in losses.items() if 'loss' in name).backward()
        with torch.no_grad():
            (result, ) = model.eval().test_step(semantic_batch(labels[:1]))
        assert result.pred_sem_seg.data.device.type == device.name.type


def test_parts_are_registered_for_configs_of_mmseg():
    for name in ('DecoupledNet', 'MultiLabelClassifier', 'MultiLabelHead', 'DecoupledNetHead'):
        assert ROOT_MODELS.get(f'mmseg_plugins.{name}') is not None

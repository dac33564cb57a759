"""EmbeddingHead and PSENetHead: every kind of batch, predictions from perfect maps, mixing with stock necks, errors."""

import pytest
import torch
from golden_cases import GoldenCase, part
from mmengine.registry import DefaultScope
from tiny_models import CHANNELS, batch, build, check_training_step, predictions_of, tiny_config

from mmseg_plugins.models.dense_heads import EmbeddingHead, PSENetHead
from mmseg_plugins.weights.psenet import convert_psenet

NAMES = {
    f'{system}_{data}': f'{system}/{stem}_{setting}_{data}.py'
    for system, stem in (('discriminative', 'discriminative_r18-e8'), ('psenet', 'psenet_r18-k5'))
    for setting, data in (('1500it', 'shapes'), ('1000it-crop256', 'nuclei'))
}
CASES = {
    'objects in both images': [[[4, 4, 30, 40], [20, 20, 60, 60]], [[0, 0, 64, 64]]],
    'no ground truth': [[], []],
    'half-empty batch': [[[4, 4, 30, 40]], []],
    'one-pixel objects': [[[10, 10, 11, 11]], [[0, 0, 1, 1], [63, 63, 64, 64]]],
}
BOXES = [[2, 2, 22, 30], [22, 2, 42, 30], [8, 36, 60, 62]]  # the first two touch


def make(cls, **kwargs):
    with DefaultScope.overwrite_default_scope('mmdet'):
        return cls(**kwargs)


@pytest.fixture(scope='module')
def models():
    return {name: build(tiny_config(path, neck__in_channels=CHANNELS)) for name, path in NAMES.items()}


@pytest.mark.parametrize('case', CASES)
@pytest.mark.parametrize('name', NAMES)
def test_training_step(models, name, case):
    models[name].zero_grad(set_to_none=True)
    check_training_step(models[name], batch(CASES[case]))


@pytest.mark.parametrize('name', NAMES)
def test_predictions_have_the_size_of_the_image_even_when_odd(models, name):
    for result in predictions_of(models[name], batch([[], []], size=(53, 39))):
        assert result.masks.shape == (len(result), 53, 39)
        assert len(result.bboxes) == len(result.scores) == len(result.labels) == len(result)
        assert result.scores.isfinite().all()


@pytest.mark.parametrize('name', ['discriminative_shapes', 'psenet_shapes'])
def test_bfloat16_forward(models, name):
    model = models[name].train()
    data = model.data_preprocessor(batch([[[4, 4, 30, 40]], []]), True)
    with torch.autocast('cpu', torch.bfloat16):
        losses = model.loss(data['inputs'], data['data_samples'])
    assert all(loss.isfinite() for loss in losses.values())


def perfect_embedding(head, sample, num_classes):
    """Class logits and embeddings of loss 0 for a sample's boxes."""
    size = 64 // head.stride
    classes = torch.zeros(1, num_classes + 1, size, size)
    classes[:, 0] = 20
    embedding = torch.zeros(1, 8, size, size)
    for index, (box, label) in enumerate(zip(sample.gt_instances.bboxes, sample.gt_instances.labels, strict=True)):
        x1, y1, x2, y2 = (box / head.stride).int().tolist()
        classes[:, :, y1:y2, x1:x2] = 0
        classes[:, label + 1, y1:y2, x1:x2] = 20
        embedding[:, :, y1:y2, x1:x2] = 3 * torch.eye(8)[index][:, None, None]
    return classes, embedding


@pytest.mark.parametrize('agnostic', [False, True])
def test_perfect_embeddings_have_no_pull_and_push_loss_and_give_the_objects_back(agnostic):
    head = make(EmbeddingHead, in_channels=[4], stride=4, num_classes=3, class_agnostic=agnostic, upsample_factor=2,
                test_cfg=dict(bandwidth=0.5))
    sample = batch([BOXES])['data_samples'][0]
    sample.gt_instances.labels = torch.tensor([0, 0, 0 if agnostic else 2])
    maps = perfect_embedding(head, sample, head.num_classes)
    losses = head.loss_by_feat(*maps, [sample.gt_instances], [sample.metainfo])
    assert max(losses[name].item() for name in ('loss_pull', 'loss_push', 'loss_semantic')) < 1e-6
    result = head.predict_by_feat(*maps, [sample.metainfo])[0]
    found = {tuple(box): label for box, label in zip(result.bboxes.int().tolist(), result.labels.tolist(), strict=True)}
    assert found == {(2, 2, 22, 30): 0, (22, 2, 42, 30): 0, (8, 36, 60, 62): 0 if agnostic else 2}


def test_instances_of_two_classes_may_share_an_embedding():
    head = make(EmbeddingHead, in_channels=[4], stride=4, num_classes=3, upsample_factor=2,
                test_cfg=dict(bandwidth=0.5))
    sample = batch([BOXES])['data_samples'][0]
    sample.gt_instances.labels = torch.tensor([0, 1, 2])
    classes, embedding = perfect_embedding(head, sample, 3)
    maps = classes, torch.ones_like(embedding)
    assert head.loss_by_feat(*maps, [sample.gt_instances], [sample.metainfo])['loss_push'].item() == 0
    assert sorted(head.predict_by_feat(*maps, [sample.metainfo])[0].labels.tolist()) == [0, 1, 2]


def test_with_voting_a_few_cells_of_a_wrong_class_do_not_tear_an_instance_apart():
    options = dict(in_channels=[4], stride=4, num_classes=3, upsample_factor=2, test_cfg=dict(bandwidth=0.5))
    sample = batch([BOXES])['data_samples'][0]
    sample.gt_instances.labels = torch.tensor([0, 1, 2])
    head = make(EmbeddingHead, per_class=False, **options)
    classes, embedding = perfect_embedding(head, sample, 3)
    classes[0, 1, 2:4, 2:4], classes[0, 3, 2:4, 2:4] = 0, 20  # a corner of the first object
    result = head.predict_by_feat(classes, embedding, [sample.metainfo])[0]
    found = {tuple(box): label for box, label in zip(result.bboxes.int().tolist(), result.labels.tolist(), strict=True)}
    assert found == {(2, 2, 22, 30): 0, (22, 2, 42, 30): 1, (8, 36, 60, 62): 2}
    assert len(make(EmbeddingHead, **options).predict_by_feat(classes, embedding, [sample.metainfo])[0]) == 4
    same = head.loss_by_feat(classes, torch.ones_like(embedding), [sample.gt_instances], [sample.metainfo])
    assert same['loss_push'].item() == pytest.approx(9)  # instances of different classes are pushed apart as well


def test_with_voting_an_object_of_undecided_class_is_still_found():
    head = make(EmbeddingHead, in_channels=[4], stride=1, num_classes=4, per_class=False, test_cfg=dict(bandwidth=0.5))
    classes = torch.zeros(1, 5, 4, 4)
    classes[:, 0, :, :2], classes[:, 0, :, 2:] = 9, 1  # background .40 next to .15 for each class
    classes[:, 3] += 0.1
    meta = dict(img_shape=(4, 4), ori_shape=(4, 4))
    result = head.predict_by_feat(classes, torch.zeros(1, 8, 4, 4), [meta])[0]
    assert result.bboxes.tolist() == [[2, 0, 4, 4]]
    assert result.labels.tolist() == [2]


def test_coordinates_are_added_in_units_of_pixels():
    plain = make(EmbeddingHead, in_channels=[4], stride=4, upsample_factor=2, feat_channels=8, embedding_channels=3)
    placed = make(EmbeddingHead, in_channels=[4], stride=4, upsample_factor=2, feat_channels=8, embedding_channels=3,
                  coordinate_unit=8.0)
    placed.load_state_dict(plain.state_dict())
    x = [torch.randn(2, 4, 3, 5)]
    added = placed(x)[1] - plain(x)[1]
    torch.testing.assert_close(added[:, 0], ((torch.arange(10) * 2 + 1) / 8).expand(2, 6, 10))
    torch.testing.assert_close(added[:, 1], ((torch.arange(6) * 2 + 1) / 8)[:, None].expand(2, 6, 10))
    assert added[:, 2].abs().max() < 1e-6


def test_scores_are_mean_probabilities_and_the_best_are_kept():
    head = make(EmbeddingHead, in_channels=[4], stride=1, num_classes=1, test_cfg=dict(bandwidth=0.5, max_per_img=1))
    classes, embedding = torch.zeros(1, 2, 4, 4), torch.zeros(1, 8, 4, 4)
    classes[0, 1, :2], classes[0, 1, 2:] = 1, 2
    embedding[:, 0, 2:] = 9
    meta = dict(img_shape=(4, 4), ori_shape=(4, 4))
    result = head.predict_by_feat(classes, embedding, [meta])[0]
    assert result.scores.tolist() == pytest.approx([torch.tensor(2.0).sigmoid().item()])
    assert result.bboxes.tolist() == [[0, 2, 4, 4]]


@pytest.mark.golden
def test_psenet_head_agrees_with_the_original():
    case = GoldenCase('psenet_head')
    config = case.facts['config']
    head = make(PSENetHead, in_channels=[config['in_channels']], feat_channels=config['hidden_dim'],
                num_kernels=config['num_kernels'], norm_cfg=dict(type='BN', eps=config['bn_eps'])).eval()
    head.load_state_dict(part(convert_psenet(case.weights), 'mask_head.'), strict=True)
    with torch.no_grad():
        logits = head([case.arrays['feat']])[0]
        pixels = head.to_pixels(logits)
    case.check({'logits': logits, 'logits_x4': pixels})


def test_psenet_s_targets_as_logits_give_the_objects_back():
    """Touching objects come apart by their kernels; the whole objects are grown back."""
    head = make(PSENetHead, in_channels=[4], stride=1, num_kernels=4, smallest=0.5, test_cfg=dict(min_area=16))
    sample = batch([BOXES])['data_samples'][0]
    seen = {}
    head.loss_kernels.register_forward_pre_hook(lambda _, args: seen.update(
        maps=torch.cat([args[1][:, None], args[2]], 1), valid=args[3]))
    head.loss_by_feat(torch.zeros(1, 4, 64, 64), [sample.gt_instances], [sample.metainfo])
    assert seen['valid'].all()
    result = head.predict_by_feat(seen['maps'].float() * 20 - 10, [sample.metainfo])[0]
    assert sorted(result.bboxes.int().tolist()) == sorted(BOXES)
    assert result.labels.tolist() == [0, 0, 0]


@pytest.mark.parametrize(('limits', 'wanted'), [(dict(min_area=16, min_score=0.5), 3),
                                                (dict(min_area=600, min_score=0.5), 1),
                                                (dict(min_area=16, min_score=0.9), 0)])
def test_area_and_score_must_both_be_reached(limits, wanted):
    head = make(PSENetHead, in_channels=[4], stride=1, num_kernels=2, test_cfg=limits)
    logits = torch.full((1, 2, 64, 64), -1.0)
    for x1, y1, x2, y2 in ([2, 2, 22, 30], [26, 2, 42, 30], [8, 36, 60, 62]):
        logits[..., y1:y2, x1:x2] = 1
    meta = dict(img_shape=(64, 64), ori_shape=(64, 64))
    assert len(head.predict_by_feat(logits, [meta])[0]) == wanted


@pytest.mark.parametrize(('cls', 'kwargs', 'words'), [
    (EmbeddingHead, dict(stride=4, upsample_factor=3), ['upsample_factor=3', 'stride=4']),
    (EmbeddingHead, dict(num_convs=0), ['num_convs=0']),
    (EmbeddingHead, dict(coordinate_unit=0.0), ['coordinate_unit=0.0']),
    (EmbeddingHead, dict(coordinate_unit=4.0, embedding_channels=1), ['embedding_channels=1']),
    (EmbeddingHead, dict(norm_cfg=dict(type='GN', num_groups=7)), ['256 channels', '7 groups']),
    (PSENetHead, dict(num_kernels=1), ['num_kernels=1']),
    (PSENetHead, dict(smallest=1.0), ['smallest=1.0']),
])
def test_bad_arguments_are_named(cls, kwargs, words):
    with pytest.raises(ValueError) as error:
        make(cls, in_channels=[4], **kwargs)
    assert all(word in str(error.value) for word in words)


@pytest.mark.parametrize('cls', [EmbeddingHead, PSENetHead])
def test_other_maps_than_asked_for_are_named(cls):
    with pytest.raises(ValueError) as error:
        make(cls, in_channels=[4, 8])([torch.zeros(1, 4, 8, 8)])
    assert '[4, 8]' in str(error.value)
    assert '1 maps of [4]' in str(error.value)


@pytest.mark.parametrize('name', ['discriminative_shapes', 'psenet_shapes'])
def test_a_stock_path_aggregation_neck_fits(name):
    model = build(tiny_config(NAMES[name], neck={'type': 'PAFPN', 'in_channels': CHANNELS, 'out_channels': 64,
                                                 'num_outs': 4}))
    check_training_step(model, batch(CASES['half-empty batch']))

"""Objects found without training: what comes out, on which device, and what is refused."""

import numpy as np
import pytest
import torch
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmdet.structures.mask import BitmapMasks
from mmengine.logging import MMLogger
from mmengine.registry import DefaultScope
from mmengine.structures import InstanceData
from mmseg.registry import MODELS as SEGMENTORS
from mmseg.structures import SegDataSample
from scipy.sparse.linalg import ArpackError
from simulated_device import SimulatedDevice

from mmseg_plugins.structures.masks import mask_box
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.utils.optional import scikit_image

DISCS = [(16, 16, 9), (30, 16, 9), (48, 46, 11)]  # x, y, radius: the first two overlap


def discs(background=20, value=200, size=(64, 72)):
    """An image (3, H, W) of noise with three discs, and their maps (3, H, W)."""
    rows, columns = np.indices(size)
    masks = np.stack([(columns - x)**2 + (rows - y)**2 <= r**2 for x, y, r in DISCS])
    image = np.where(masks.any(0), value, background) + np.random.RandomState(0).randint(-10, 11, size)
    return torch.from_numpy(np.repeat(image[None], 3, 0).astype(np.uint8)), masks


def build(kind='ThresholdWatershed', **settings):
    with DefaultScope.overwrite_default_scope('mmdet'):
        settings.setdefault('data_preprocessor', dict(type='DetDataPreprocessor'))
        return MODELS.build(dict(type=f'mmseg_plugins.{kind}', **settings))


def found(model, image, ori_shape=None):
    shape = tuple(image.shape[-2:])
    sample = DetDataSample(metainfo=dict(img_shape=shape, ori_shape=ori_shape or shape))
    return model.test_step(dict(inputs=[image], data_samples=[sample]))[0].pred_instances


def ious(instances, masks):
    got = instances.masks.numpy()[:, None]
    return (got & masks).sum((2, 3)) / (got | masks).sum((2, 3))


@pytest.mark.parametrize(('background', 'value'), [(20, 200), (200, 20)])
def test_touching_objects_are_divided_whether_bright_or_dark(background, value):
    image, masks = discs(background, value)
    instances = found(build(), image)
    assert len(instances) == 3
    assert (ious(instances, masks).max(0) > 0.8).all()
    assert instances.labels.tolist() == [0, 0, 0]
    assert instances.scores.tolist() == sorted(instances.scores.tolist(), reverse=True)
    assert instances.scores.max() <= 1
    assert instances.bboxes.tolist() == [list(mask_box(mask)) for mask in instances.masks.numpy()]


def test_connected_parts_stay_whole_without_the_watershed():
    assert len(found(build('ClassicalDetector', method='otsu'), discs()[0])) == 2


@pytest.mark.parametrize(('method', 'number'), [
    ('adaptive', 3), ('multi_otsu', 3), ('k_means', 3), ('random_walker', 3), ('region_growing', 2),
    ('normalized_cuts', 2),
])
def test_other_methods_find_the_objects(method, number):
    """Region growing and normalized cuts cannot divide objects of one color that touch."""
    settings = dict(clusters=2) if method == 'k_means' else dict(classes=2) if method == 'multi_otsu' else {}
    image, masks = discs()
    instances = found(build('ClassicalDetector', method=method, settings=settings, divide={}), image)
    assert len(instances) == number
    whole = instances.masks.numpy().any(0)
    assert (whole & masks.any(0)).sum() / (whole | masks.any(0)).sum() > 0.75


@pytest.mark.parametrize('method', ['adaptive', 'multi_otsu', 'k_means', 'random_walker', 'region_growing'])
def test_other_methods_find_nothing_in_an_image_of_one_color(method):
    instances = found(build('ClassicalDetector', method=method), torch.full((3, 32, 32), 7, dtype=torch.uint8))
    assert len(instances) == 0


@pytest.mark.parametrize(('failures', 'number'), [(1, 2), (3, 0)])
def test_normalized_cuts_try_other_guesses_before_an_image_stays_uncut(failures, number, monkeypatch, capsys):
    graph = scikit_image('graph')
    cut, guesses = graph.cut_normalized, []

    def failing(*args, **settings):
        guesses.append(settings['rng'])
        if len(guesses) <= failures:
            raise ArpackError(3)
        return cut(*args, **settings)

    monkeypatch.setattr(graph, 'cut_normalized', failing)
    MMLogger.get_instance('mmengine')
    assert len(found(build('ClassicalDetector', method='normalized_cuts', divide={}), discs()[0])) == number
    assert guesses == [0, 1, 2][:failures + (number > 0)]
    assert ('stays uncut' in capsys.readouterr().out) == (number == 0)


def test_label_maps_are_the_foreground():
    image, masks = discs()
    with DefaultScope.overwrite_default_scope('mmseg'):
        model = SEGMENTORS.build(dict(type='mmseg_plugins.ClassicalSegmentor', method='otsu',
                                      data_preprocessor=dict(type='SegDataPreProcessor')))
    sample = SegDataSample(metainfo=dict(img_shape=(64, 72), ori_shape=(64, 72)))
    predicted = model.test_step(dict(inputs=[image], data_samples=[sample]))[0].pred_sem_seg.data[0].numpy()
    assert (predicted == masks.any(0)).mean() > 0.97
    with pytest.raises(UserError, match='ClassicalSegmentor has no parameters: there is nothing to train'):
        model.loss(torch.zeros(1, 3, 8, 8), [])


@pytest.mark.parametrize(('kind', 'least'), [('GrabCutFromBoxes', (0.75, 0.75, 0.75)),
                                             ('WatershedFromClicks', (0.5, 0.5, 0.9))])
def test_prompted_by_its_annotations_every_object_gets_a_mask_of_its_class(kind, least):
    """The first two discs touch: there is no edge between them on which a watershed could end."""
    image, masks = discs()
    sample = DetDataSample(metainfo=dict(img_shape=(64, 72), ori_shape=(64, 72)))
    sample.gt_instances = InstanceData(
        masks=BitmapMasks(masks.astype(np.uint8), 64, 72), labels=torch.tensor([2, 0, 1]),
        bboxes=torch.tensor([mask_box(mask) for mask in masks], dtype=torch.float32))
    data = dict(inputs=[image], data_samples=[sample])
    instances = build(kind).test_step(data)[0].pred_instances
    assert instances.labels.tolist() == [2, 0, 1]
    assert instances.scores.tolist() == [1, 1, 1]
    assert (np.diag(ious(instances, masks)) > least).all()
    sample.gt_instances = InstanceData()  # what a pipeline without LoadAnnotations packs
    with pytest.raises(UserError, match=f'{kind} is prompted by annotations'):
        build(kind).test_step(data)
    del sample.gt_instances
    with pytest.raises(UserError, match=f'{kind} is prompted by annotations'):
        build(kind).test_step(data)


def test_results_are_in_the_frame_of_the_original_image():
    image, masks = discs()
    instances = found(build(), image, ori_shape=(128, 144))
    assert instances.masks.shape == (3, 128, 144)
    assert (ious(instances, masks.repeat(2, 1).repeat(2, 2)).max(0) > 0.8).all()


@pytest.mark.parametrize('polarity', ['dark', 'bright', 'auto'])
def test_an_image_of_one_color_has_no_object(polarity):
    instances = found(build(polarity=polarity), torch.full((3, 40, 40), 128, dtype=torch.uint8))
    assert instances.masks.shape == (0, 40, 40)
    assert instances.bboxes.shape == (0, 4)


def test_the_work_is_done_on_the_host_and_the_results_lie_on_the_device():
    image, _ = discs()
    with SimulatedDevice() as device:
        model = device.move(build())
        sample = DetDataSample(metainfo=dict(img_shape=(64, 72), ori_shape=(64, 72)))
        on_device = model.predict(image[None].float().to(device.name), [sample])[0].pred_instances
        assert {value.device for _, value in on_device.items()} == {device.name}
        assert torch.equal(on_device.masks.cpu(), found(build(), image).masks)


def test_there_is_nothing_to_train():
    model = build()
    assert list(model.parameters()) == []
    assert model.state_dict() == {}
    with pytest.raises(UserError, match='ThresholdWatershed has no parameters: there is nothing to train'):
        model.loss(torch.zeros(1, 3, 8, 8), [])


@pytest.mark.parametrize(('settings', 'words'), [
    (dict(channel='grey'), "channel='grey'.*gray"),
    (dict(polarity='light'), "polarity='light'.*auto, bright, dark"),
])
def test_wrong_settings_name_what_is_known(settings, words):
    with pytest.raises(UserError, match=words):
        found(build(**settings), discs()[0])


@pytest.mark.parametrize(('settings', 'words'), [
    (dict(method='otsus'), "method='otsus'.*otsu"),
    (dict(method='otsu', settings=dict(sigmas=1)), "no setting 'sigmas'.*sigma"),
    (dict(method='otsu', divide=dict(distance=1)), "divide has no setting 'distance'.*min_distance"),
    (dict(method='otsu', data_preprocessor=dict(
        type='mmdet.DetDataPreprocessor', mean=[1, 2, 3], std=[1, 1, 1])), 'normalizes them.*leave mean and std out'),
])
def test_methods_and_their_settings_are_checked_when_the_model_is_built(settings, words):
    with pytest.raises(UserError, match=words):
        build('ClassicalDetector', **settings)

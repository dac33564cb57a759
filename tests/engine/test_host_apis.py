"""The hosts' own entry points with a config of ours: post_process acts, weights of other classes are refused."""

from copy import deepcopy
from typing import Any

import cv2
import numpy as np
import pytest
import torch
import toy_runs
from mmdet.apis import DetInferencer, inference_detector, init_detector
from mmengine.model import ImgDataPreprocessor
from mmengine.registry import MODELS, DefaultScope
from mmengine.runner import Runner, load_checkpoint
from mmseg.apis import MMSegInferencer, inference_model, init_model
from mmseg.models import SegDataPreProcessor

from mmseg_plugins import setup
from mmseg_plugins.apis import Predictor, get_model
from mmseg_plugins.engine import host_apis
from mmseg_plugins.models.crf.crf_postprocess import DenseCRFPostProcess
from mmseg_plugins.utils.errors import UserError

POST = dict(type='mmseg_plugins.DenseCRFPostProcess', preset='deconvnet')
CLASSES = dict(mmseg=('ground', 'disc', 'bar'), mmdet=('disc', 'bar'))


def built(scope, folder):
    """Config and checkpoint of an untrained toy network."""
    setup()
    make, write, kind = ((toy_runs.segmentor_config, toy_runs.write_toy_label_maps, 'SegLocalVisualizer')
                         if scope == 'mmseg' else (toy_runs.detector_config, toy_runs.write_toy_coco,
                                                   'DetLocalVisualizer'))
    cfg = make(write(folder / 'data', 2), folder / 'run')
    if scope == 'mmdet':  # an untrained network knows objects of any score
        cfg.model.test_cfg.rcnn.score_thr = 0.0
    cfg.test_pipeline = cfg.test_dataloader.dataset.pipeline
    cfg.visualizer = dict(type=kind, name='toy', vis_backends=[])
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope(scope):
        model = MODELS.build(cfg.model)
    model.init_weights()
    save(model, folder / 'model.pth', classes=CLASSES[scope], palette=toy_runs.PALETTE)
    cv2.imwrite(str(folder / 'image.png'), toy_runs.toy_image(5)[0])
    return cfg, folder


@pytest.fixture(autouse=True)
def _scope(request):
    names = request.fixturenames
    scope = 'mmseg' if 'segmentor' in names else 'mmdet'
    with DefaultScope.overwrite_default_scope(scope):
        yield


def save(model, path, **meta):
    torch.save(dict(state_dict=model.state_dict(), meta=dict(dataset_meta=meta) if meta else {}), path)


@pytest.fixture(scope='module')
def segmentor(tmp_path_factory):
    return built('mmseg', tmp_path_factory.mktemp('segmentor'))


@pytest.fixture(scope='module')
def detector(tmp_path_factory):
    return built('mmdet', tmp_path_factory.mktemp('detector'))


def labels(sample):
    return sample.pred_sem_seg.data.cpu().numpy()


def masks(sample):
    found = sample.pred_instances.masks
    return found.cpu().numpy() if isinstance(found, torch.Tensor) else np.asarray(found)


def with_post(cfg, listed=False):
    changed = deepcopy(cfg)
    if listed:
        changed.custom_hooks = [dict(type='PostProcessHook', post_process=POST)]
    else:
        changed.post_process = POST
    return changed


def by_inferencer(kind, cfg, folder):
    options = dict(show_progress=False) if kind is DetInferencer else {}
    inferencer = kind(model=cfg, weights=str(folder / 'model.pth'), device='cpu', **options)
    call = dict(return_datasamples=True, **(dict(no_save_vis=True) if kind is DetInferencer else {}))
    found = inferencer(str(folder / 'image.png'), **call)
    return found['predictions'][0] if kind is DetInferencer else found


def by_functions(start, predict, cfg, folder):
    return predict(start(cfg, str(folder / 'model.pth'), device='cpu'), str(folder / 'image.png'))


def test_post_process_refines_label_maps_under_mmsegs_own_functions(segmentor):
    cfg, folder = segmentor
    plain = labels(Predictor(cfg, folder / 'model.pth', 'cpu')(str(folder / 'image.png')))
    refined = labels(Predictor(with_post(cfg), folder / 'model.pth', 'cpu')(str(folder / 'image.png')))
    assert (plain != refined).any()
    for given, expected in ((cfg, plain), (with_post(cfg), refined)):
        assert np.array_equal(labels(by_inferencer(MMSegInferencer, deepcopy(given), folder)), expected)
        assert np.array_equal(labels(by_functions(init_model, inference_model, deepcopy(given), folder)), expected)


def test_post_process_refines_masks_under_mmdets_own_functions(detector):
    cfg, folder = detector
    plain = masks(Predictor(cfg, folder / 'model.pth', 'cpu')(str(folder / 'image.png')))
    refined = masks(Predictor(with_post(cfg), folder / 'model.pth', 'cpu')(str(folder / 'image.png')))
    assert (plain != refined).any()
    for given, expected in ((cfg, plain), (with_post(cfg), refined)):
        assert np.array_equal(masks(by_inferencer(DetInferencer, deepcopy(given), folder)), expected)
        assert np.array_equal(masks(by_functions(init_detector, inference_detector, deepcopy(given), folder)), expected)


@pytest.mark.parametrize('start', [Predictor, init_model], ids=['Predictor', 'init_model'])
def test_a_listed_hook_refines_predictions_as_the_top_level_line_does(start, segmentor):
    cfg, folder = segmentor

    def predicted(given):
        model = start(given, str(folder / 'model.pth'), device='cpu')
        image = str(folder / 'image.png')
        return labels(model(image) if start is Predictor else inference_model(model, image))

    refined = predicted(with_post(cfg))
    assert (predicted(deepcopy(cfg)) != refined).any()
    assert np.array_equal(predicted(with_post(cfg, listed=True)), refined)


def network_of(way, cfg, folder):
    if way == 'get_model':
        return get_model(cfg)
    weights = str(folder / 'model.pth')
    return Predictor(cfg, weights, 'cpu').model if way == 'Predictor' else init_model(cfg, weights, device='cpu')


@pytest.mark.parametrize('way', ['Predictor', 'get_model', 'init_model'])
def test_maps_have_the_memory_format_of_a_run(way, segmentor):
    cfg, folder = deepcopy(segmentor[0]), segmentor[1]
    cfg.custom_hooks = [dict(type='mmseg_plugins.ChannelsLastHook', modules=['backbone'])]
    model, formats = network_of(way, cfg, folder), []
    if way == 'init_model':
        model.cfg = cfg  # a second time
    assert len(model.backbone._forward_pre_hooks) == 1
    model.backbone.register_forward_pre_hook(
        lambda _, given: formats.append(given[0].is_contiguous(memory_format=torch.channels_last)))
    model.eval()(torch.zeros(1, 3, 64, 64))
    assert formats == [True]
    cfg.custom_hooks[0]['modules'] = ['bakbone']
    with pytest.raises(UserError, match="did you mean 'backbone'"):
        network_of(way, cfg, folder)


def test_a_config_given_again_does_not_refine_twice(segmentor):
    cfg, folder = segmentor
    model = init_model(with_post(cfg), str(folder / 'model.pth'), device='cpu')
    once = labels(inference_model(model, str(folder / 'image.png')))
    model.cfg = with_post(cfg)
    assert np.array_equal(labels(inference_model(model, str(folder / 'image.png'))), once)


@pytest.mark.parametrize('listed', [False, True])
def test_a_stock_runner_refines_what_it_tests_once(listed, segmentor, tmp_path, monkeypatch):
    refined = []
    monkeypatch.setattr(DenseCRFPostProcess, 'refine', lambda self, scores, image: refined.append(image) or scores)
    cfg = deepcopy(segmentor[0])
    cfg.work_dir, cfg.post_process = str(tmp_path), POST
    if listed:
        cfg.custom_hooks = [dict(type='mmseg_plugins.PostProcessHook', post_process=POST)]
    Runner.from_cfg(cfg).test()
    assert len(refined) == 2


@pytest.mark.parametrize('way', ['inferencer', 'functions'])
@pytest.mark.parametrize('scope', ['mmdet', 'mmseg'])
def test_weights_of_another_number_of_classes_are_refused(scope, way, request):
    cfg, folder = request.getfixturevalue('detector' if scope == 'mmdet' else 'segmentor')
    cfg = deepcopy(cfg)
    heads = cfg.model.roi_head.bbox_head if scope == 'mmdet' else cfg.model.decode_head
    heads.num_classes = 7
    start: Any = init_detector if scope == 'mmdet' else init_model
    if way == 'inferencer':
        start = DetInferencer if scope == 'mmdet' else MMSegInferencer
    key = 'roi_head.bbox_head.fc_cls.weight: checkpoint 3x' if scope == 'mmdet' else 'decode_head.conv_seg.weight'
    with pytest.raises(UserError, match=f'(?s){key}.*Fix: give the config that the checkpoint was trained with'):
        start(cfg, str(folder / 'model.pth'), device='cpu')


def test_other_names_are_one_warning_that_gives_both(segmentor):
    cfg, folder = segmentor
    save(MODELS.build(cfg.model), folder / 'names.pth', classes=('ground', 'bar', 'disc'), palette=toy_runs.PALETTE)
    words = r"class 1 is 'bar' in the checkpoint .*'disc' in the config .* in another order"
    for start in (init_model, lambda *given, **more: MMSegInferencer(model=given[0], weights=given[1], **more),
                  Predictor):
        with pytest.warns(UserWarning, match=words):
            start(deepcopy(cfg), str(folder / 'names.pth'), device='cpu')


def test_weights_without_names_take_the_classes_of_the_config(detector):
    cfg, folder = detector
    save(MODELS.build(cfg.model), folder / 'nameless.pth')
    assert init_detector(cfg, str(folder / 'nameless.pth'), device='cpu').dataset_meta['classes'] == ('disc', 'bar')
    inferencer = DetInferencer(model=cfg, weights=str(folder / 'nameless.pth'), device='cpu')
    assert inferencer.model.dataset_meta['classes'] == ('disc', 'bar')


def test_a_network_trained_on_from_other_classes_may_take_its_config(segmentor, tmp_path):
    """``load_from`` of other classes leaves the new layer to the training; only a layer that nothing changed is bad."""
    cfg = segmentor[0]
    model = MODELS.build(dict(cfg.model, decode_head=dict(cfg.model.decode_head, num_classes=9)))
    save(model, tmp_path / 'nine.pth')
    model = MODELS.build(cfg.model)
    load_checkpoint(model, str(tmp_path / 'nine.pth'))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 1
    model.cfg = cfg
    load_checkpoint(model := MODELS.build(cfg.model), str(tmp_path / 'nine.pth'))
    with pytest.raises(UserError, match='conv_seg'):
        model.cfg = cfg


def test_the_config_of_a_network_is_stored_as_before(segmentor):
    model = MODELS.build(segmentor[0].model)
    assert not hasattr(model, 'cfg')
    model.cfg = 3
    assert model.cfg == 3
    del model.cfg
    assert not hasattr(model, 'cfg')


def test_installing_again_changes_nothing():
    setup()
    before = host_apis.BaseInferencer._init_model
    host_apis.install()
    assert host_apis.BaseInferencer._init_model is before


#: Loading step, suffix, type and bands of images that are not of three times 8 bits.
UNUSUAL = {
    'gray': (dict(color_type='grayscale'), '.png', np.uint8, 1),
    '16 bits': (dict(color_type='unchanged', to_float32=True), '.png', np.uint16, 1),
    'float': (dict(color_type='unchanged'), '.tiff', np.float32, 1),
    'four bands': (dict(color_type='unchanged'), '.png', np.uint8, 4),
}


def unusual(kind, base, folder, scope):
    """Config, checkpoint and image of an untrained toy network for such images."""
    load, suffix, dtype, bands = UNUSUAL[kind]
    cfg = deepcopy(base)
    cfg.model.backbone.in_channels = bands
    cfg.model.backbone.pop('init_cfg', None)
    scaled = bands in (1, 3) or (scope == 'mmseg' and not issubclass(SegDataPreProcessor, ImgDataPreprocessor))
    scale = dict(mean=[0.5] * bands, std=[9.0] * bands) if scaled else dict(mean=None, std=None)
    cfg.model.data_preprocessor.update(scale, bgr_to_rgb=False)
    cfg.test_dataloader.dataset.pipeline[0].update(load)
    cfg.test_pipeline = cfg.test_dataloader.dataset.pipeline
    save(MODELS.build(cfg.model), folder / 'model.pth', classes=CLASSES[scope], palette=toy_runs.PALETTE)
    image = np.random.RandomState(0).randint(0, 255, (64, 64, bands)).squeeze().astype(dtype)
    path = str(folder / f'image{suffix}')
    cv2.imwrite(path, image)
    return cfg, str(folder / 'model.pth'), path, image


@pytest.mark.parametrize('kind', UNUSUAL)
def test_mmsegs_own_functions_load_images_as_the_config_says_and_predict_what_we_do(kind, segmentor, tmp_path):
    cfg, checkpoint, path, image = unusual(kind, segmentor[0], tmp_path, 'mmseg')
    expected = labels(Predictor(cfg, checkpoint, 'cpu')(path))
    for given in (path, image):
        model = init_model(deepcopy(cfg), checkpoint, device='cpu')
        assert np.array_equal(labels(inference_model(model, given)), expected)
        inferencer = MMSegInferencer(model=deepcopy(cfg), weights=checkpoint, device='cpu')
        data = next(iter(inferencer.preprocess([given], batch_size=1)))
        assert np.array_equal(labels(inferencer.forward(data)[0]), expected)


@pytest.mark.parametrize('kind', ['gray', '16 bits', 'four bands'])
def test_mmdets_own_functions_load_images_as_the_config_says_and_predict_what_we_do(kind, detector, tmp_path):
    cfg, checkpoint, path, image = unusual(kind, detector[0], tmp_path, 'mmdet')
    expected = masks(Predictor(cfg, checkpoint, 'cpu')(path))
    assert len(expected)
    for given in (path, image):
        model = init_detector(deepcopy(cfg), checkpoint, device='cpu')
        assert np.array_equal(masks(inference_detector(model, given)), expected)
        inferencer = DetInferencer(model=deepcopy(cfg), weights=checkpoint, device='cpu', show_progress=False)
        found = inferencer(given, return_datasamples=True, no_save_vis=True)['predictions'][0]
        assert np.array_equal(masks(found), expected)

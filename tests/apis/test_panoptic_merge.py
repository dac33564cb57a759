"""PanopticMerge: an instance model and a semantic one, each of its own host, give one panoptic map in every command."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import toy_runs
from mmdet.structures import DetDataSample
from mmengine.registry import MODELS, DefaultScope, init_default_scope
from mmengine.structures import InstanceData, PixelData

from mmseg_plugins.apis import Predictor, load_config
from mmseg_plugins.apis.panoptic_merge import PanopticMerge
from mmseg_plugins.cli.main import main
from mmseg_plugins.config.paths import config_root
from mmseg_plugins.reporting.metafiles import read_models
from mmseg_plugins.utils.errors import UserError

CLASSES = (*toy_runs.CLASSES, 'ground')


def saved(cfg, folder, name, classes):
    init_default_scope(cfg.default_scope)
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    model.init_weights()
    torch.save(dict(state_dict=model.state_dict(), meta=dict(dataset_meta=dict(classes=classes))),
               folder / f'{name}.pth')
    cfg.dump(str(folder / f'{name}.py'))
    return str(folder / f'{name}.py'), str(folder / f'{name}.pth')


@pytest.fixture(scope='module')
def pair(tmp_path_factory):
    """Config and checkpoint of the instance model with the merge, those of the semantic one, and the images."""
    folder = tmp_path_factory.mktemp('pair')
    data, maps = toy_runs.write_toy_coco(folder / 'data', 2), toy_runs.write_toy_label_maps(folder / 'maps', 2)
    assert main(['convert-data', 'panoptic', str(data / 'ann.json'), '--image-dir', str(data / 'images'),
                 '--uncovered', 'ground', '--out-dir', str(data)]) == 0
    semantic = saved(toy_runs.segmentor_config(maps, folder / 'run'), folder, 'semantic', ('ground', 'disc', 'bar'))
    cfg = toy_runs.detector_config(data, folder / 'run')
    metainfo = dict(classes=CLASSES, thing_classes=CLASSES[:2], stuff_classes=CLASSES[2:])
    steps = [*cfg.test_dataloader.dataset.pipeline[:-1]]
    steps = [step for step in steps if 'LoadAnnotations' not in step['type']]
    cfg.test_dataloader.dataset = dict(
        type='CocoPanopticDataset', ann_file=str(data / 'annotations/panoptic_default.json'), metainfo=metainfo,
        data_prefix=dict(img=str(data / 'images'), seg=str(data / 'panoptic_default')), test_mode=True, pipeline=[
            *steps, dict(type='mmseg_plugins.LoadPanopticAnnotations'),
            dict(type='PackDetInputs', meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor'))])
    cfg.test_evaluator = [
        dict(type='mmseg_plugins.PanopticQualityMetric', ann_file=str(data / 'annotations/panoptic_default.json'),
             seg_prefix=str(data / 'panoptic_default')),
        dict(type='mmseg_plugins.SemanticIoUMetric', prefix='semantic'), dict(type='mmseg_plugins.ForegroundIoUMetric')]
    cfg.post_process = dict(
        type='mmseg_plugins.PanopticMerge', config=semantic[0], checkpoint=semantic[1], things=CLASSES[:2],
        stuff=CLASSES[2:], score_thr=0.0, stuff_area_limit=1)
    return SimpleNamespace(instance=saved(cfg, folder, 'instance', CLASSES[:2]), semantic=semantic, data=data)


def test_a_merged_map_has_the_stuff_of_the_semantic_model(pair):
    path = sorted((pair.data / 'images').iterdir())[0]
    labels = Predictor(*pair.semantic)(path).pred_sem_seg.data[0].numpy()
    sample = Predictor(*pair.instance)(path)
    merged = sample.pred_panoptic_seg.sem_seg[0].numpy()
    stuff = merged < 1000
    assert np.array_equal(merged[stuff] == 2, labels[stuff] == 0)
    assert np.array_equal(sample.pred_sem_seg.sem_seg[0].numpy(), np.array([2, 0, 1])[labels])


def test_predict_and_test_end_to_end(pair, tmp_path):
    assert main(['predict', *pair.instance, str(pair.data / 'images'), '--out-dir', str(tmp_path / 'files')]) == 0
    content = json.loads((tmp_path / 'files/panoptic.json').read_text())
    flags = {item['name']: item['isthing'] for item in content['categories']}
    assert flags == dict(disc=1, bar=1, ground=0)
    assert len(content['annotations']) == 2
    assert main(['test', *pair.instance, '--work-dir', str(tmp_path / 'run')]) == 0
    metrics = json.loads((tmp_path / 'run/test_summary.json').read_text())['metrics']
    assert {'coco_panoptic/PQ', 'semantic/mIoU', 'foreground/IoU'} <= set(metrics)


def merge(pair, **changes):
    return PanopticMerge(**{**dict(config=pair.semantic[0], checkpoint=pair.semantic[1], things=CLASSES[:2],
                                   stuff=CLASSES[2:], stuff_area_limit=1), **changes})


def detections(label=0):
    masks = torch.zeros(1, 64, 64, dtype=torch.bool)
    masks[:, :10, :20] = True
    found = InstanceData(masks=masks, labels=torch.tensor([label]), scores=torch.tensor([0.9]))
    return DetDataSample(pred_instances=found)


def test_the_default_scope_and_the_instances_stay(pair):
    init_default_scope('mmdet')
    sample = detections(1)
    image = torch.zeros(3, 64, 64)
    assert merge(pair)([sample], [image])[0] is sample
    assert DefaultScope.get_current_instance().scope_name == 'mmdet'
    assert (sample.pred_panoptic_seg.sem_seg[0, :10, :20] == 1001).all()
    assert int((sample.pred_panoptic_seg.sem_seg >= 1000).sum()) == 200
    assert len(sample.pred_instances) == 1


@pytest.mark.parametrize(('changes', 'sample', 'text'), [
    (dict(score_thr=2), None, 'score_thr=2 must lie in 0..1.*Fix: '),
    (dict(stuff_area_limit=-1), None, 'stuff_area_limit=-1 must be 0 px or more.*Fix: '),
    (dict(stuff=('bar', )), None, r"stuff=\('bar',\).*no class is both.*Fix: "),
    (dict(checkpoint='nowhere.pth'), detections(), "'nowhere.pth' does not exist.*Fix: "),
    (dict(stuff=('grond', )), detections(), "no class 'grond'.*ground.*Fix: "),
    ({}, detections(5), 'predicts label 5.*names 2 classes.*Fix: '),
    ({}, DetDataSample(pred_sem_seg=PixelData(sem_seg=torch.zeros(1, 64, 64))), 'but no instance masks.*Fix: '),
])  # fmt: skip
def test_what_does_not_fit_is_named(pair, changes, sample, text):
    with pytest.raises(UserError, match=text):
        merge(pair, **changes)([sample] if sample else [], [torch.zeros(3, 64, 64)] if sample else [])


def test_the_config_with_the_quickstarts_things_takes_its_weights():
    config = 'merge_panet-lite0-mask2former_600it_shapes'
    rows = {row['Name']: row for row in read_models(config_root() / 'panoptic' / 'metafile.yml')}
    with DefaultScope.overwrite_default_scope('mmdet'):
        models = [MODELS.build(load_config(name).model) for name in (config, rows[config]['Weights Of'])]
    merged, trained = ({key: value.shape for key, value in model.state_dict().items()} for model in models)
    assert merged == trained

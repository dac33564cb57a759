"""``mmseg-plugins predict`` and Predictor: files, ids, masks, errors."""


import json
import shutil
import weakref

import cv2
import numpy as np
import pytest
import torch
import toy_runs
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope
from pycocotools import mask as mask_api
from pycocotools.coco import COCO

from mmseg_plugins.apis import Predictor, prediction_files
from mmseg_plugins.apis.predict_files import PredictionJob, predict_files
from mmseg_plugins.apis.prediction_files import coco_results
from mmseg_plugins.cli.main import main
from mmseg_plugins.engine.checkpoint.fit import class_meta
from mmseg_plugins.utils.errors import UserError


def save_model(cfg, folder, meta):
    """Write config.py and a checkpoint of the untrained model; returns both paths as strings."""
    init_default_scope(cfg.default_scope)
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    model.init_weights()
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(dict(state_dict=model.state_dict(), meta=meta), folder / 'model.pth')
    cfg.dump(str(folder / 'config.py'))
    return str(folder / 'config.py'), str(folder / 'model.pth')


@pytest.fixture(scope='module')
def detector(tmp_path_factory):
    folder = tmp_path_factory.mktemp('ein Detektor')
    data = toy_runs.write_toy_coco(folder / 'data')
    cfg = toy_runs.detector_config(data, folder / 'run')
    meta = dict(dataset_meta=dict(classes=('Scheibe', 'Balken')))
    return (*save_model(cfg, folder / 'run', meta), data)


@pytest.fixture(scope='module')
def segmentor(tmp_path_factory):
    folder = tmp_path_factory.mktemp('segmentor')
    data = toy_runs.write_toy_label_maps(folder / 'data')
    return (*save_model(toy_runs.segmentor_config(data, folder / 'run'), folder / 'run', {}), data)


@pytest.fixture(scope='module')
def predicted(detector, tmp_path_factory):
    """Output of one run over the toy folder, with everything switched on."""
    config, checkpoint, data = detector
    out = tmp_path_factory.mktemp('out') / 'Ausgabe ü'
    argv = [config, checkpoint, str(data / 'images'), '--out-dir', str(out), '--score-thr', '0', '--polygons']
    assert main(['predict', *argv]) == 0
    return out, argv


def test_results_are_the_predictions(detector, predicted):
    config, checkpoint, data = detector
    results = json.loads((predicted[0] / 'predictions.json').read_text())
    images = json.loads((predicted[0] / 'images.json').read_text())
    predictor = Predictor(config, checkpoint)
    assert [item['file_name'] for item in images['images']] == [f'toy {index}.png' for index in range(4)]
    for entry in images['images']:
        sample = predictor(data / 'images' / entry['file_name'])
        mine = [item for item in results if item['image_id'] == entry['id']]
        assert len(mine) == len(sample.pred_instances) > 0
        order = sample.pred_instances.scores.argsort(descending=True, stable=True)
        for item, index in zip(mine, order.tolist(), strict=True):
            assert np.array_equal(mask_api.decode(item['segmentation']).astype(bool),
                                  sample.pred_instances.masks[index].numpy())
            x1, y1, x2, y2 = sample.pred_instances.bboxes[index].tolist()
            assert item['bbox'] == pytest.approx([x1, y1, x2 - x1, y2 - y1], abs=2e-3)
            assert item['score'] == pytest.approx(float(sample.pred_instances.scores[index]), abs=1e-6)
            assert item['category_id'] == int(sample.pred_instances.labels[index]) + 1


def test_pycocotools_reads_images_and_results(predicted):
    truth = COCO(str(predicted[0] / 'images.json'))
    loaded = truth.loadRes(str(predicted[0] / 'predictions.json'))
    assert [category['name'] for category in truth.loadCats(truth.getCatIds())] == ['Scheibe', 'Balken']
    assert len(loaded.anns) > 0


def test_overlays_show_every_image_enlarged_with_something_drawn(detector, predicted):
    pictures = sorted((predicted[0] / 'overlays').iterdir())
    assert [path.name for path in pictures] == [f'toy {index}.jpg' for index in range(4)]
    for index, path in enumerate(pictures):
        picture = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
        assert picture.shape == (512, 512, 3)
        plain = cv2.resize(toy_runs.toy_image(index)[0], (512, 512), interpolation=cv2.INTER_CUBIC)
        assert np.abs(picture.astype(int) - plain).mean() > 2


def test_polygons_and_labelme_files_hold_the_same_shapes(predicted):
    out = predicted[0]
    polygons = json.loads((out / 'predictions_polygons.json').read_text())
    results = json.loads((out / 'predictions.json').read_text())
    rles = {(item['image_id'], item['score'], tuple(item['bbox'])): item for item in results}
    assert polygons
    for item in polygons:
        exact = mask_api.decode(rles[item['image_id'], item['score'], tuple(item['bbox'])]['segmentation'])
        again = mask_api.decode(mask_api.merge(mask_api.frPyObjects(item['segmentation'], 64, 64)))
        assert np.array_equal(again, exact)  # holes included
    labelme = json.loads((out / 'labelme' / 'toy 0.json').read_text())
    assert len(labelme['shapes']) == sum(len(p['segmentation']) for p in polygons if p['image_id'] == 1)
    assert (out / 'labelme' / labelme['imagePath']).resolve().is_file()
    assert {shape['label'] for shape in labelme['shapes']} <= {'Scheibe', 'Balken'}


def test_same_command_again_writes_the_same(predicted):
    out, argv = predicted
    before = {path.name: path.read_bytes() for path in out.rglob('*') if path.is_file()}
    assert main(['predict', *argv]) == 0
    assert before == {path.name: path.read_bytes() for path in out.rglob('*') if path.is_file()}


def test_pictures_of_an_earlier_run_are_not_predicted(detector, tmp_path, capsys):
    config, checkpoint, data = detector
    photos = tmp_path / 'photos'
    shutil.copytree(data / 'images', photos)
    for out in (photos / 'predictions', photos, tmp_path):
        for _ in range(2):
            assert main(['predict', config, checkpoint, str(photos), '--out-dir', str(out)]) == 0
            assert '4 of 4 images predicted' in capsys.readouterr().out
        shutil.rmtree(out / 'overlays')


@pytest.mark.parametrize('option', [('--max-per-image', '-1'), ('--max-per-image', '0'), ('--score-thr', '50')])
def test_limits_that_make_no_sense_are_refused(option, detector, tmp_path, capsys):
    argv = ['predict', *detector[:2], str(detector[2] / 'images'), '--out-dir', str(tmp_path / 'out'), *option]
    assert main(argv) == 2
    assert option[0] in capsys.readouterr().err


def test_threshold_and_limit_hold(detector, tmp_path):
    config, checkpoint, data = detector
    image = str(data / 'images' / 'toy 1.png')
    main(['predict', config, checkpoint, image, '--out-dir', str(tmp_path / 'a'), '--score-thr', '0',
          '--max-per-image', '3'])
    assert len(json.loads((tmp_path / 'a' / 'predictions.json').read_text())) == 3
    main(['predict', config, checkpoint, image, '--out-dir', str(tmp_path / 'b'), '--score-thr', '1'])
    assert json.loads((tmp_path / 'b' / 'predictions.json').read_text()) == []


def test_ids_of_a_coco_file_are_used(detector, tmp_path):
    config, checkpoint, data = detector
    ann = dict(images=[dict(id=70 + index, file_name=f'toy {index}.png') for index in range(4)],
               categories=[dict(id=9, name='Balken'), dict(id=5, name='Scheibe')])
    (tmp_path / 'ann.json').write_text(json.dumps(ann))
    argv = [config, checkpoint, str(data / 'images'), '--out-dir', str(tmp_path), '--score-thr', '0',
            '--ann-file', str(tmp_path / 'ann.json')]
    assert main(['predict', *argv]) == 0
    images = json.loads((tmp_path / 'images.json').read_text())
    assert [item['id'] for item in images['images']] == [70, 71, 72, 73]
    assert images['categories'] == [dict(id=5, name='Scheibe'), dict(id=9, name='Balken')]
    ann['categories'].pop()
    (tmp_path / 'ann.json').write_text(json.dumps(ann))
    assert main(['predict', *argv]) == 2


def test_damaged_image_is_named_and_the_others_go_on(detector, tmp_path, capsys):
    config, checkpoint, data = detector
    folder = tmp_path / 'Bilder'
    (folder / 'sub').mkdir(parents=True)
    shutil.copy(data / 'images' / 'toy 0.png', folder / 'sub' / 'gut.png')
    (folder / 'kaputt.png').write_bytes((data / 'images' / 'toy 1.png').read_bytes()[:300])
    assert main(['predict', config, checkpoint, str(folder), '--out-dir', str(tmp_path / 'out')]) == 1
    captured = capsys.readouterr()
    assert 'kaputt.png cannot be read' in captured.err
    assert '1 of 2 images could not be read' in captured.err
    assert (tmp_path / 'out' / 'overlays' / 'sub' / 'gut.jpg').is_file()
    images = json.loads((tmp_path / 'out' / 'images.json').read_text())['images']
    assert [(item['id'], item['file_name']) for item in images] == [(2, 'sub/gut.png')]


@pytest.mark.parametrize(('change', 'message'), [
    (dict(config='gone.py'), 'gone.py'),
    (dict(checkpoint='gone.pth'), 'gone.pth'),
    (dict(image='gone'), 'image or folder gone does not exist'),
    (dict(image='EMPTY'), 'holds no image'),
    (dict(device='gpu'), "device 'gpu' cannot be used"),
    (dict(device='cuda:99'), "device 'cuda:99' cannot be used"),
    (dict(out='FILE'), 'is a file. Rule: it must be a folder'),
])  # fmt: skip
def test_missing_input_gives_one_clear_line(detector, tmp_path, capsys, change, message):
    (tmp_path / 'EMPTY').mkdir()
    (tmp_path / 'FILE').write_text('kept')
    given = dict(config=detector[0], checkpoint=detector[1], image=str(detector[2] / 'images'), device='cpu', out='out')
    given.update(change)
    paths = [str(tmp_path / value) if value in ('EMPTY', 'FILE', 'out') else value for value in given.values()]
    assert main(['predict', *paths[:3], '--device', paths[3], '--out-dir', paths[4]]) == 2
    error = capsys.readouterr().err
    assert error.startswith('error: ')
    assert message in error
    assert not (tmp_path / 'out').exists()


def test_checkpoint_that_does_not_fit_is_refused_unless_partial(detector, segmentor, tmp_path, capsys):
    config, checkpoint, data = detector
    weights = torch.load(checkpoint, weights_only=True)
    state = weights['state_dict']
    del state['backbone.conv1.weight']
    state['extra.weight'] = torch.zeros(1)
    state['roi_head.bbox_head.fc_cls.weight'] = torch.zeros(7, 32)
    torch.save(weights, tmp_path / 'odd.pth')
    argv = [config, str(tmp_path / 'odd.pth'), str(data / 'images'), '--out-dir', str(tmp_path / 'out')]
    assert main(['predict', *argv]) == 2
    error = capsys.readouterr().err
    for part in ('1 missing', 'backbone.conv1.weight', '1 unexpected', 'extra.weight', '1 mismatched',
                 'fc_cls.weight: checkpoint 7x32, model 3x32', '--allow-partial'):
        assert part in error, part
    assert main(['predict', *argv, '--allow-partial']) == 0
    assert 'fits only in part' in capsys.readouterr().err
    torch.save(dict(a=torch.zeros(1)), tmp_path / 'other.pth')
    with pytest.raises(UserError, match='nothing at all fits'):
        Predictor(config, tmp_path / 'other.pth', allow_partial=True)


def test_semantic_config_gives_label_maps_and_overlays(segmentor, tmp_path):
    config, checkpoint, data = segmentor
    assert main(['predict', config, checkpoint, str(data / 'img_dir'), '--out-dir', str(tmp_path)]) == 0
    predictor = Predictor(config, checkpoint)
    assert predictor.semantic
    for index in range(4):
        labels = cv2.imread(str(tmp_path / 'labels' / f'{index}.png'), -1)
        assert labels.shape == (64, 64)
        sample = predictor(cv2.imread(str(data / 'img_dir' / f'{index}.png')))
        assert np.array_equal(labels, sample.pred_sem_seg.data[0].numpy())
        overlay = cv2.imread(str(tmp_path / 'overlays' / f'{index}.jpg'))
        assert overlay.shape[1] == 512
        assert overlay.shape[0] > 512  # the legend below
    assert not (tmp_path / 'predictions.json').exists()


def test_class_names_come_from_the_checkpoint_then_from_the_config(detector):
    cfg = Config.fromfile(detector[0])
    assert class_meta(cfg, dict(meta=dict(dataset_meta=dict(classes=('x',)))))['classes'] == ('x',)
    assert class_meta(cfg, dict(meta=dict(CLASSES=('old',))))['classes'] == ('old',)
    assert class_meta(cfg, {})['classes'] == ('disc', 'bar')
    with pytest.raises(UserError, match='names the classes'):
        class_meta(Config(dict(test_dataloader=dict(dataset=dict(type='BaseDataset')))), {})


def test_keys_of_a_parallel_wrapper_are_understood(detector, tmp_path):
    config, checkpoint, _ = detector
    state = torch.load(checkpoint, weights_only=True)['state_dict']
    torch.save({f'module.{key}': value for key, value in state.items()}, tmp_path / 'wrapped.pth')
    assert not any(Predictor(config, tmp_path / 'wrapped.pth').report.values())


class _Entry(dict):
    """A result that can be counted while it lives."""


def test_memory_of_predict_does_not_grow_with_the_number_of_images(detector, tmp_path, monkeypatch):
    data = detector[2]
    sample = Predictor(*detector[:2])(data / 'images' / 'toy 0.png')
    alive, most = [], []

    def counted(*given):
        entries = [_Entry(one) for one in coco_results(*given)]
        alive.extend(map(weakref.ref, entries))
        return entries

    class Stub:
        meta = dict(classes=toy_runs.CLASSES)

        def load(self, path):
            return dict(img=np.zeros((64, 64, 3), np.uint8))

        def predict_loaded(self, loaded):
            most.append(sum(one() is not None for one in alive))
            return sample.clone()

    monkeypatch.setattr(prediction_files, 'coco_results', counted)
    files, names = [data / 'images' / 'toy 0.png'] * 12, [f'{index}.png' for index in range(12)]
    assert predict_files(Stub(), files, names, PredictionJob(tmp_path, score_thr=0.0, polygons=True)) == []
    each = len(sample.pred_instances)
    assert len(alive) == 12 * each > 0
    assert max(most) <= each  # those of the image before
    results = json.loads((tmp_path / 'predictions.json').read_text())
    assert [item['image_id'] for item in results] == [index for index in range(1, 13) for _ in range(each)]
    assert len(json.loads((tmp_path / 'images.json').read_text())['images']) == 12


def test_a_spool_writes_what_json_writes(tmp_path):
    items = [{'a': [1, 2.5], 'b': 'ä'}, None, 'x']
    for given in ([], items):
        spool = prediction_files.JsonSpool(tmp_path)
        spool.add(given[:1])
        spool.add(given[1:])
        prediction_files.write_spooled(tmp_path / 'a.json', {'images': spool, 'annotations': []})
        prediction_files.write_spooled(tmp_path / 'b.json', spool)
        whole = json.dumps(dict(images=given, annotations=[]), ensure_ascii=False)
        assert (tmp_path / 'a.json').read_text() == whole + '\n'
        assert (tmp_path / 'b.json').read_text() == json.dumps(given, ensure_ascii=False) + '\n'
        assert len(spool) == len(given)
    assert sorted(path.name for path in tmp_path.iterdir()) == ['a.json', 'b.json']

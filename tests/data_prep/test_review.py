"""Annotations that were damaged on purpose come first, each as what it is."""

import csv
import json

import numpy as np
import pytest
import torch
import toy_runs
from mmengine.registry import MODELS, init_default_scope
from mmengine.structures import InstanceData, PixelData

from mmseg_plugins.apis import review
from mmseg_plugins.cli.main import main
from mmseg_plugins.data_prep.review import KINDS, rank_instances, rank_labels
from mmseg_plugins.structures.rle import encode_mask
from mmseg_plugins.visualization.samples import Instances

CLASSES = ('disc', 'bar')
SIZE = 64


def toy(seed):
    """Masks (4, H, W) and labels: a disc and a bar of toy_runs, and both mirrored where they fit."""
    masks = toy_runs.toy_image(seed)[1]
    return list(masks), [0, 1]


def instances(masks, labels, scores=None):
    return Instances([encode_mask(mask) for mask in masks], np.zeros((len(masks), 4), np.float32),
                     np.array(labels, np.int64), None if scores is None else np.array(scores, np.float32))


def predicted(seed):
    """What a good model sees: every object a pixel too large or too small, with a score below 1, and a doubtful one."""
    masks, labels = toy(seed)
    seen = [np.roll(mask, 1, axis=seed % 2) for mask in masks]
    nothing = np.zeros((SIZE, SIZE), bool)
    nothing[:6, -7:] = True
    return instances([*seen, nothing], [*labels, 0], [0.95, 0.85 + 0.01 * (seed % 5), 0.35])


def damaged(seed, kind):
    masks, labels = toy(seed)
    if kind == 'missing':
        return instances(masks[1:], labels[1:])
    if kind == 'extra':
        fake = np.zeros((SIZE, SIZE), bool)
        fake[-14:-2, 1:9] = True
        return instances([*masks, fake], [*labels, 1])
    if kind == 'wrong class':
        return instances(masks, [1, 1])
    if kind == 'badly drawn':
        return instances([np.roll(masks[0], 7, axis=1), masks[1]], labels)
    return instances(masks, labels)


def test_damaged_annotations_come_first():
    kinds = {3: 'missing', 7: 'extra', 11: 'wrong class', 15: 'badly drawn'}
    images = {f'{seed}': (damaged(seed, kinds.get(seed)), predicted(seed)) for seed in range(20)}
    findings = rank_instances(images, CLASSES)
    first = {(int(item.image), item.kind) for item in findings[:4]}
    assert first == set(kinds.items())
    assert findings[3].suspicion > 1.2 * findings[4].suspicion
    assert all(0 <= item.suspicion <= 1 for item in findings)
    by_kind = {item.kind: item for item in findings[:4]}
    assert (by_kind['wrong class'].labeled, by_kind['wrong class'].predicted) == ('bar', 'disc')
    assert by_kind['extra'].number == 2
    assert by_kind['extra'].box == (1, 50, 9, 62)
    assert by_kind['missing'].predicted == 'disc'
    assert by_kind['missing'].number is None


def test_all_kinds_of_damage_in_every_fourth_image_are_found_before_anything_else():
    images, spoiled = {}, set()
    for seed in range(40):
        kind = KINDS[seed // 4 % 4] if seed % 4 == 0 else None
        images[f'{seed}'] = damaged(seed, kind), predicted(seed)
        if kind:
            spoiled.add((f'{seed}', kind))
    findings = rank_instances(images, CLASSES)
    assert {(item.image, item.kind) for item in findings[:len(spoiled)]} == spoiled


def test_a_class_that_the_model_never_finds_gives_no_finding():
    images = {f'{seed}': (damaged(seed, None), instances(toy(seed)[0][:1], [0], [0.9])) for seed in range(5)}
    assert rank_instances(images, CLASSES) == []


def test_a_perfect_prediction_gives_no_finding_and_an_empty_set_none():
    images = {f'{seed}': (damaged(seed, None), instances(*toy(seed), [1.0, 1.0])) for seed in range(3)}
    assert rank_instances(images, CLASSES) == []
    assert rank_instances({'0': (instances([], []), instances([], [], []))}, CLASSES) == []


def test_crowds_are_no_findings_and_hide_what_lies_in_them():
    crowd = np.zeros((SIZE, SIZE), bool)
    crowd[:, :] = True
    truth = instances([crowd], [0])
    ignored = {'0': np.array([True])}
    assert rank_instances({'0': (truth, predicted(0))}, CLASSES, ignored) == []


def label_map(seed):
    masks = toy_runs.toy_image(seed)[1]
    return (masks[0] * 1 + masks[1] * 2).astype(np.int64)


def probabilities(labels, sure=0.9):
    """What a good model sees: edges that are a pixel off, and 0.9 for the best of three classes."""
    seen = np.roll(labels, 1, axis=1)
    shares = np.full((3, *labels.shape), (1 - sure) / 2)
    np.put_along_axis(shares, seen[None], sure, axis=0)
    return shares


def damaged_map(seed, kind):
    labels = label_map(seed)
    if kind == 'missing':
        labels[labels == 1] = 0
    elif kind == 'extra':
        labels[-14:-2, 1:13] = 1
    elif kind == 'wrong class':
        labels[labels == 2] = 1
    elif kind == 'badly drawn':
        x = np.flatnonzero((labels == 1).any(axis=0))
        labels[:, x[0]:x[0] + 8][labels[:, x[0]:x[0] + 8] == 1] = 0
    return labels


def test_damaged_label_maps_come_first():
    kinds = {2: 'missing', 5: 'extra', 7: 'wrong class', 9: 'badly drawn'}
    findings = []
    for seed in range(12):
        findings += rank_labels(f'{seed}', damaged_map(seed, kinds.get(seed)), probabilities(label_map(seed)),
                                ('ground', *CLASSES))
    findings.sort(key=lambda item: -item.suspicion)
    assert {(int(item.image), item.kind) for item in findings[:4]} == set(kinds.items())
    assert len(findings) == 4  # edges that are a pixel off are none


def test_ignored_pixels_are_no_findings():
    labels = label_map(0)
    labels[:] = 255
    assert rank_labels('0', labels, probabilities(label_map(0)), ('ground', *CLASSES)) == []


def stub(kind):
    """A predictor that sees what :mod:`toy_runs` has drawn."""

    class Predictor:
        meta = {'classes': CLASSES if kind == 'instances' else ('ground', *CLASSES)}

        def __init__(self, *_, **__):
            pass

        def __call__(self, path):
            seed = int(path.rsplit('.', 1)[0][-1])
            masks = torch.from_numpy(toy_runs.toy_image(seed)[1])
            if kind == 'instances':
                found = InstanceData(masks=masks, labels=torch.tensor([0, 1]), scores=torch.tensor([0.9, 0.8]),
                                     bboxes=torch.zeros(2, 4))
                return Sample(pred_instances=found)
            labels = torch.from_numpy(label_map(seed))
            return Sample(pred_sem_seg=PixelData(data=labels[None]), seg_logits=PixelData(
                data=torch.from_numpy(probabilities(label_map(seed)))))

    return Predictor


class Sample(dict):
    __getattr__ = dict.__getitem__


@pytest.fixture
def review_of(tmp_path, monkeypatch):
    """Runs the command on toy data with a damaged first image."""

    def run(kind, *words):
        data = tmp_path / kind
        if kind == 'instances':
            cfg = toy_runs.detector_config(toy_runs.write_toy_coco(data), tmp_path / 'work')
            path = data / 'ann.json'
            path.write_text(path.read_text().replace('"id": 1, "image_id": 1, "category_id": 1',
                                                     '"id": 1, "image_id": 1, "category_id": 2'))
        else:
            cfg = toy_runs.segmentor_config(toy_runs.write_toy_label_maps(data), tmp_path / 'work')
            review.save_image(data / 'ann_dir/0.png', damaged_map(0, 'wrong class').astype(np.uint8))
        cfg.dump(str(tmp_path / 'config.py'))
        monkeypatch.setattr(review, 'Predictor', stub(kind))
        return main(['review-labels', str(tmp_path / 'config.py'), 'x.pth', '--out-dir', str(tmp_path / 'out'), *words])

    return run


@pytest.mark.parametrize('kind', ['instances', 'labels'])
def test_a_real_model_is_run_over_every_image(tmp_path, capsys, kind):
    if kind == 'instances':
        cfg = toy_runs.detector_config(toy_runs.write_toy_coco(tmp_path / 'data', images=2), tmp_path / 'run')
        content = json.loads((tmp_path / 'data/ann.json').read_text())
        content['annotations'] = [ann for ann in content['annotations'] if ann['image_id'] == 1]
        (tmp_path / 'data/ann.json').write_text(json.dumps(content))  # training leaves the other image out
        cfg.train_dataloader.dataset.filter_cfg = dict(filter_empty_gt=True, min_size=4)
    else:
        cfg = toy_runs.segmentor_config(toy_runs.write_toy_label_maps(tmp_path / 'data', images=2), tmp_path / 'run')
    init_default_scope(cfg.default_scope)
    classes = cfg.train_dataloader.dataset.metainfo.classes
    torch.save(dict(state_dict=MODELS.build(cfg.model).state_dict(), meta=dict(dataset_meta=dict(classes=classes))),
               tmp_path / 'model.pth')
    cfg.dump(str(tmp_path / 'config.py'))
    words = [tmp_path / 'config.py', tmp_path / 'model.pth', '--out-dir', tmp_path / 'out', '--device', 'cpu']
    assert main(['review-labels', *map(str, words), '--least', '0', '--top', '3']) == 0
    assert '2 images' in capsys.readouterr().out
    table = (tmp_path / 'out/findings.csv').read_text().splitlines()
    assert table[0].split(',') == list(review.COLUMNS)


@pytest.mark.parametrize('kind', ['instances', 'labels'])
def test_command_writes_the_table_and_the_sheets(review_of, tmp_path, capsys, kind):
    assert review_of(kind) == 0
    assert '4 images, 1 findings: 1 wrong class' in capsys.readouterr().out
    (row,) = csv.DictReader((tmp_path / 'out/findings.csv').open())
    assert (row['rank'], row['kind'], row['labeled'], row['predicted']) == (
        ('1', 'wrong class', 'bar', 'disc') if kind == 'instances' else ('1', 'wrong class', 'disc', 'bar'))
    assert row['image'] in ('toy 0.png', '0.png')
    assert row['annotation'] == ('0' if kind == 'instances' else '')
    mask = toy_runs.toy_image(0)[1][0 if kind == 'instances' else 1]
    assert int(row['x']) >= np.flatnonzero(mask.any(axis=0))[0]
    sheet = review.read_image(tmp_path / 'out/sheet_1.png')
    assert sheet.shape[1] == 2 * 256 + 3 * 8
    assert (np.abs(sheet - np.array(review.MARK)).max(axis=2) < 60).sum() > 100  # the finding is marked


def test_command_draws_and_writes_as_much_as_asked(review_of, tmp_path):
    assert review_of('instances', '--top', '0', '--least', '1') == 0
    assert [path.name for path in (tmp_path / 'out').iterdir()] == ['findings.csv']
    assert len((tmp_path / 'out/findings.csv').read_text().splitlines()) == 1


def test_another_models_classes_are_refused(review_of, monkeypatch, capsys):
    monkeypatch.setattr(review, 'load_config', review.load_config)
    assert review_of('instances', '--cfg-options', "train_dataloader.dataset.metainfo.classes=('bar','disc')") == 2
    assert 'the checkpoint knows' in capsys.readouterr().err


def test_one_channel_and_missing_scores_give_probabilities():
    logits = torch.tensor([[[-20.0, 20.0]]])
    two = review.probabilities_of(Sample(seg_logits=PixelData(data=logits)))
    assert two.round(3).tolist() == [[[1, 0]], [[0, 1]]]
    shares = torch.tensor([[[0.25, 1.0]], [[0.75, 0.0]]])
    assert np.array_equal(review.probabilities_of(Sample(seg_logits=PixelData(data=shares))), shares.numpy())
    only = review.probabilities_of(Sample(pred_sem_seg=PixelData(data=torch.tensor([[[0, 2]]]))))
    assert only.argmax(axis=0).tolist() == [[0, 2]]

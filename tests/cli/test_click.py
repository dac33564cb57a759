"""``mmseg-plugins click``: what it writes trains at once, what it goes on with after a kill, counts and refuses."""

import csv
import json

import numpy as np
import pytest
import toy_runs

from mmseg_plugins.cli.main import main
from mmseg_plugins.data_prep import clicks as clicks_module
from mmseg_plugins.data_prep.clicks import clicks_to_masks, read_clicks
from mmseg_plugins.models.classical.clicks import deepest_point, watershed_from_clicks
from mmseg_plugins.structures.rle import decode_rle
from mmseg_plugins.utils.errors import UserError


@pytest.fixture
def photos(tmp_path):
    """Toy images with a CSV of a click on each object, and the true masks in its order."""
    toy_runs.write_toy_coco(tmp_path, images=3)
    rows, truth = [], []
    for index in range(3):
        _, masks = toy_runs.toy_image(index)
        for name, mask in zip(toy_runs.CLASSES, masks, strict=True):
            visible = mask if name == 'bar' else mask & ~masks[1]  # the bar is drawn over the disc
            x, y = deepest_point(visible)
            rows.append(dict(file_name=f'toy {index}.png', x=x, y=y, category=name))
            truth.append(visible)
    with open(tmp_path / 'clicks.csv', 'w', encoding='utf-8', newline='') as stream:
        table = csv.DictWriter(stream, ['file_name', 'x', 'y', 'category'])
        table.writeheader()
        table.writerows(rows)
    (tmp_path / 'clicks.json').write_text(json.dumps(rows))
    return tmp_path, rows, truth


def click(folder, *options, clicks='clicks.csv', out='masks.json'):
    status = main(['click', str(folder / clicks), '--images', str(folder / 'images'), '--out-file', str(folder / out),
                   *options])
    return status, json.loads((folder / out).read_text()) if (folder / out).is_file() else None


def test_every_click_becomes_the_mask_of_its_object(photos):
    folder, _, truth = photos
    status, content = click(folder)
    assert status == 0
    assert [category['name'] for category in content['categories']] == ['bar', 'disc']
    assert [ann['category_id'] for ann in content['annotations']] == [2, 1] * 3
    for ann, mask in zip(content['annotations'], truth, strict=True):
        found = decode_rle(ann['segmentation']) > 0
        assert (found & mask).sum() / (found | mask).sum() > 0.75
        assert ann['area'] == found.sum()
    assert click(folder, clicks='clicks.json', out='same.json')[1]['annotations'] == content['annotations']


def test_the_file_passes_the_check_and_trains(photos, tmp_path):
    folder, _, _ = photos
    click(folder)
    cfg = toy_runs.detector_config(folder, tmp_path / 'run')
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        loader.dataset.ann_file = 'masks.json'
    for evaluator in (cfg.val_evaluator, cfg.test_evaluator):
        evaluator.ann_file = str(folder / 'masks.json')
    cfg.train_cfg.max_iters = 1
    cfg.dump(str(tmp_path / 'config.py'))
    assert main(['check-data', str(tmp_path / 'config.py')]) == 0
    assert main(['train', str(tmp_path / 'config.py')]) == 0
    assert (tmp_path / 'run' / 'iter_1.pth').is_file()


def test_a_killed_run_goes_on_and_gives_the_same_file(photos, monkeypatch, capsys):
    folder, _, _ = photos
    click(folder)
    whole = (folder / 'masks.json').read_bytes()
    (folder / 'masks.json').unlink()
    calls = []

    def die_at_the_second(*args, **settings):
        calls.append(args)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return watershed_from_clicks(*args, **settings)

    monkeypatch.setattr(clicks_module, 'watershed_from_clicks', die_at_the_second)
    objects = read_clicks(folder / 'clicks.csv', folder / 'images')
    with pytest.raises(KeyboardInterrupt):
        clicks_to_masks(objects, folder / 'images', folder / 'masks.json')
    assert (folder / 'masks.json.part').is_file()
    clicks_to_masks(objects, folder / 'images', folder / 'masks.json')
    assert len(calls) == 4  # one image was finished, one began twice
    assert (folder / 'masks.json').read_bytes() == whole
    capsys.readouterr()
    assert click(folder)[0] == 0
    assert 'kept (already complete)' in capsys.readouterr().out


def test_clicks_outside_their_image_are_counted(photos, capsys):
    folder, rows, _ = photos
    rows[0]['x'] = 640
    (folder / 'clicks.json').write_text(json.dumps(rows))
    status, content = click(folder, clicks='clicks.json')
    assert status == 1
    assert len(content['annotations']) == 5
    assert '1 clicks outside their image left out' in capsys.readouterr().out


@pytest.mark.parametrize(('entry', 'words'), [
    (dict(file_name='toy 0.png', x=3), "click 1 has no y.*Fix: add them"),
    (dict(file_name='toy 0.png', x='left', y=3), "x='left'.*numbers, in px"),
    (dict(file_name='toy 9.png', x=3, y=3), r'toy 9.png of the clicks cannot be read.*relative to --images'),
    (dict(file_name='toy', x=3, y=3), "file_name 'toy'.*an image"),
])
def test_wrong_entries_are_refused(photos, entry, words):
    folder, _, _ = photos
    (folder / 'wrong.json').write_text(json.dumps([entry]))
    with pytest.raises(UserError, match=words):
        read_clicks(folder / 'wrong.json', folder / 'images')


def test_a_file_without_clicks_is_refused(photos):
    folder, _, _ = photos
    (folder / 'empty.csv').write_text('file_name,x,y\n')
    with pytest.raises(UserError, match=r'empty.csv holds no clicks.*file_name, x, y'):
        read_clicks(folder / 'empty.csv', folder / 'images')


def test_touching_objects_of_one_color_are_divided_between_their_clicks():
    rows, columns = np.indices((48, 64))
    masks = np.stack([(columns - x)**2 + (rows - 24)**2 <= 100 for x in (22, 40)])
    image = np.repeat(np.where(masks.any(0), 200, 30)[..., None], 3, 2).astype(np.uint8)
    labels = watershed_from_clicks(image, [(22, 24), (40, 24)])
    assert labels[24, 16] == 1
    assert labels[24, 46] == 2
    assert set(np.unique(labels)) == {0, 1, 2}
    assert ((labels > 0) & masks.any(0)).sum() / ((labels > 0) | masks.any(0)).sum() > 0.9


def test_points_must_lie_in_the_image():
    with pytest.raises(UserError, match='click 1 at x=64, y=3 lies outside the image of 64 x 48 px'):
        watershed_from_clicks(np.zeros((48, 64, 3), np.uint8), [(64, 3)])
    assert not watershed_from_clicks(np.zeros((4, 4, 3), np.uint8), []).any()

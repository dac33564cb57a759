"""``mmseg-plugins grabcut``: what it writes, goes on with after a kill, counts and refuses."""


import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmseg_plugins.cli.main import main
from mmseg_plugins.data_prep.box_files import read_boxes
from mmseg_plugins.data_prep.box_masks import MaskJob, boxes_to_masks, existing_mask
from mmseg_plugins.data_prep.shapes import draw_scene
from mmseg_plugins.structures.rle import decode_rle, encode_mask
from mmseg_plugins.utils.errors import UserError

ROOT = Path(__file__).parents[2]
SIZE = 64


@pytest.fixture
def shapes(tmp_path):
    """Three generated images with boxes, and their true masks by annotation id."""
    images, annotations, truth = [], [], {}
    (tmp_path / 'photos').mkdir()
    for index in range(3):
        scene = draw_scene(0, 1, index, SIZE)
        name = f'bild ä {index}.png'
        (tmp_path / 'photos' / name).write_bytes(cv2.imencode('.png', scene.image)[1].tobytes())
        images.append(dict(id=index + 10, file_name=name, height=SIZE, width=SIZE))
        for k in range(1, len(scene.labels) + 1):
            mask = scene.instance_map == k
            y, x = np.nonzero(mask)
            box = [int(x.min()), int(y.min()), int(np.ptp(x)) + 1, int(np.ptp(y)) + 1]
            truth[len(annotations) + 5] = mask
            annotations.append(dict(id=len(annotations) + 5, image_id=index + 10, category_id=3, bbox=box, by='me'))
    content = dict(images=images, annotations=annotations, categories=[dict(id=3, name='thing')])
    write(tmp_path / 'boxes.json', content)
    return tmp_path, content, truth


def write(path, content):
    path.write_text(json.dumps(content), encoding='utf-8')
    return path


def job(folder, out='out.json', boxes='boxes.json', **kwargs):
    settings = {key: kwargs.pop(key) for key in ('missed', 'polygons', 'tight_boxes', 'refine', 'scribbles')
                if key in kwargs}
    counts = boxes_to_masks(read_boxes(folder / boxes, **kwargs), folder / 'photos', folder / out, MaskJob(**settings))
    return counts, json.loads((folder / out).read_text())


@pytest.fixture
def run(capsys):
    """Run the command in this process; its status, standard output and standard error."""

    def call(*args):
        status = main(['grabcut', *map(str, args)])
        return status, *capsys.readouterr()

    return call


def test_the_tool_writes_masks_that_resemble_the_objects(shapes, run):
    folder, content, truth = shapes
    args = (folder / 'boxes.json', '--images', folder / 'photos', '--out-file', folder / 'new/masks.json')
    status, out, _ = run(*args)
    assert status == 0
    assert f'3 images, {len(truth)} boxes' in out
    assert 'masks by GrabCut' in out
    made = json.loads((folder / 'new/masks.json').read_text())
    assert made['images'] == content['images']
    assert made['categories'] == content['categories']
    overlaps = []
    for ann, given in zip(made['annotations'], content['annotations'], strict=True):
        mask = decode_rle(ann['segmentation']).astype(bool)
        assert ann['area'] == mask.sum()
        assert {**given, 'iscrowd': 0} == {k: v for k, v in ann.items() if k not in ('segmentation', 'area')}
        overlaps.append((mask & truth[ann['id']]).sum() / (mask | truth[ann['id']]).sum())
    assert np.mean(overlaps) > 0.7
    assert 'kept (already complete)' in run(*args)[1]
    assert [path.name for path in (folder / 'new').iterdir()] == ['masks.json']


def test_a_killed_run_goes_on_with_the_same_result(shapes, monkeypatch):
    folder, _, _ = shapes
    _, whole = job(folder, 'whole.json')
    import mmseg_plugins.data_prep.box_masks as module

    real, seen = module.masks_of_image, []

    def dying(image, *args):
        if len(seen) == 2:
            raise KeyboardInterrupt
        seen.append(image['id'])
        return real(image, *args)

    monkeypatch.setattr(module, 'masks_of_image', dying)
    with pytest.raises(KeyboardInterrupt):
        job(folder)
    part = folder / 'out.json.part'
    part.write_bytes(part.read_bytes()[:-7])  # the last line was cut off: its image is made anew
    assert not (folder / 'out.json').exists()
    seen.clear()

    def noting(image, *args):
        seen.append(image['id'])
        return real(image, *args)

    monkeypatch.setattr(module, 'masks_of_image', noting)
    counts, resumed = job(folder)
    assert seen == [11, 12]
    assert resumed == whole
    assert sum(counts.values()) == len(whole['annotations'])
    assert not part.exists()


def test_notes_and_results_of_another_job_are_refused(shapes):
    folder, _, _ = shapes
    (folder / 'out.json.part').write_text('{"grabcut": "other"}\n')
    with pytest.raises(UserError, match=r'belongs to other input or settings.*remove it'):
        job(folder)
    (folder / 'out.json.part').unlink()
    job(folder)
    with pytest.raises(UserError, match='not made of this input with these settings'):
        job(folder, polygons=True)


def test_results_of_a_detector(shapes):
    folder, content, _ = shapes
    results = [dict(image_id=ann['image_id'], category_id=3, bbox=ann['bbox'], score=0.3 + 0.6 * (i % 2))
               for i, ann in enumerate(content['annotations'])]
    write(folder / 'predictions.json', results)
    with pytest.raises(UserError, match=r'images\.json does not exist.*--image-list'):
        read_boxes(folder / 'predictions.json')
    write(folder / 'images.json', {**content, 'annotations': []})
    boxes = read_boxes(folder / 'predictions.json', score_thr=0.5)
    assert boxes.left_out == sum(entry['score'] < 0.5 for entry in results)
    _, made = job(folder, boxes='predictions.json', score_thr=0.5, tight_boxes=True)
    assert all(ann['score'] == pytest.approx(0.9) for ann in made['annotations'])
    assert len({ann['id'] for ann in made['annotations']}) == len(made['annotations']) == len(boxes.annotations)
    for ann in made['annotations']:
        y, x = np.nonzero(decode_rle(ann['segmentation']))
        assert ann['bbox'] == [x.min(), y.min(), np.ptp(x) + 1, np.ptp(y) + 1]


def test_crowds_and_degenerate_boxes_are_counted(shapes):
    folder, content, _ = shapes
    crowd = dict(id=100, image_id=10, category_id=3, bbox=[1, 1, 9, 9], iscrowd=1,
                 segmentation=encode_mask(np.ones((SIZE, SIZE), np.uint8)))
    odd = [dict(id=101 + i, image_id=11, category_id=3, bbox=box)
           for i, box in enumerate(([0, 0, SIZE, SIZE], [5, 5, 0, 3], [-20, -20, 10, 10], [3, 3, 1, 1]))]
    write(folder / 'boxes.json', {**content, 'annotations': [crowd, *odd]})
    write(folder / 'photos/no.txt', {})
    counts, made = job(folder)
    assert counts['crowds kept as they were'] == 1
    assert counts['boxes over the whole image'] == 1
    assert counts['boxes without a pixel of the image left out'] == 2
    assert made['annotations'][0] == crowd
    assert [ann['id'] for ann in made['annotations']] == [100, 101, 104]


@pytest.mark.parametrize(('missed', 'area'), [('box', 24), ('ellipse', 20), ('drop', None)])
def test_where_nothing_is_found(shapes, missed, area):
    folder, content, _ = shapes
    for name in (folder / 'photos').iterdir():
        name.write_bytes(cv2.imencode('.png', np.full((SIZE, SIZE, 3), 80, np.uint8))[1].tobytes())
    one = dict(id=1, image_id=10, category_id=3, bbox=[5, 6, 6, 4])
    write(folder / 'boxes.json', {**content, 'annotations': [one]})
    counts, made = job(folder, missed=missed)
    assert list(counts.values()) == [1]
    assert [ann['area'] for ann in made['annotations']] == ([] if area is None else [area])


def test_polygons_masks_to_refine_and_scribbles(shapes):
    folder, content, truth = shapes
    _, made = job(folder, polygons=True)
    height = made['images'][0]['height']
    for ann in made['annotations']:
        assert existing_mask(ann['segmentation'], height, SIZE).sum() == ann['area']  # holes stay
    _, refined = job(folder, 'refined.json', 'out.json', refine=True)
    assert len(refined['annotations']) == len(truth)
    (folder / 'strokes').mkdir()
    drawn = np.zeros((SIZE, SIZE), np.uint8)
    first = content['annotations'][0]
    x, y, w, h = first['bbox']
    drawn[y:y + h, x:x + w // 2] = 255
    stem = Path(content['images'][0]['file_name']).stem
    (folder / 'strokes' / f'{stem}.png').write_bytes(cv2.imencode('.png', drawn)[1].tobytes())
    _, scribbled = job(folder, 'scribbled.json', scribbles=str(folder / 'strokes'), missed='drop')
    of_first = [ann for ann in scribbled['annotations'] if ann['id'] == first['id']]
    assert not any(decode_rle(ann['segmentation'])[drawn == 255].any() for ann in of_first)
    (folder / 'strokes' / f'{stem}.png').write_bytes(cv2.imencode('.png', drawn[1:])[1].tobytes())
    with pytest.raises(UserError, match='grey PNG files of the size of the image, 64 x 64'):
        job(folder, 'again.json', scribbles=str(folder / 'strokes'))


def test_missing_and_damaged_images_are_counted(shapes):
    folder, content, _ = shapes
    names = [image['file_name'] for image in content['images']]
    (folder / 'photos' / names[0]).unlink()
    (folder / 'photos' / names[1]).write_bytes(b'no image')
    counts, made = job(folder)
    assert counts['images not found'] == counts['images that cannot be read'] == 1
    assert {ann['image_id'] for ann in made['annotations']} == {12}


def test_likely_mistakes_name_the_fix(shapes, run):
    folder, content, _ = shapes
    images, annotations = content['images'], content['annotations']
    cases = [
        (dict(pictures=[]), "the JSON has no 'images'"),
        ({**content, 'annotations': [dict(id=1, image_id=10, category_id=3)]}, 'entry 0 has no bbox'),
        ({**content, 'annotations': [{**annotations[0], 'bbox': [1, 2, 3]}]}, 'Rule: four numbers'),
        ({**content, 'annotations': [{**annotations[0], 'image_id': 99}]}, 'boxes of 1 images that are not in'),
        ({**content, 'annotations': [{**annotations[0], 'bbox': [40, 40, 60, 60]}]}, '--box-format xyxy'),
        ({**content, 'images': [images[0], *images]}, 'image ids are there twice'),
    ]
    for number, (bad, words) in enumerate(cases):
        with pytest.raises(UserError, match=words):
            read_boxes(write(folder / f'{number}.json', bad))
    with pytest.raises(UserError, match=r'end before they begin.*--box-format xywh'):
        read_boxes(write(folder / 'x.json', {**content, 'annotations': [{**annotations[0], 'bbox': [40, 40, 6, 6]}]}),
                   box_format='xyxy')
    with pytest.raises(UserError, match='64 x 64 px, the annotations say 70 x 64'):
        job(folder, boxes=write(folder / 'y.json', {**content, 'images': [{**i, 'height': 70} for i in images]},
                                ).name)
    boxes = read_boxes(folder / 'boxes.json')
    with pytest.raises(UserError, match='none of the 3 images is in'):
        boxes_to_masks(boxes, folder, folder / 'z.json')
    status, _, error = run(folder / 'boxes.json', '--images', folder / 'nowhere', '--out-file', folder / 'z.json')
    assert status == 2
    assert 'does not exist. Fix: correct --images' in error
    assert 'Traceback' not in error


def test_corners_are_read_as_asked(shapes):
    folder, content, _ = shapes
    corners = [{**ann, 'bbox': [x, y, x + w, y + h]} for ann in content['annotations'] for x, y, w, h in [ann['bbox']]]
    write(folder / 'corners.json', {**content, 'annotations': corners})
    assert read_boxes(folder / 'corners.json', box_format='xyxy').annotations == \
        read_boxes(folder / 'boxes.json').annotations

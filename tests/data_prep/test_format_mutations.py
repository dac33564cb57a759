"""Whatever stands in a field of an annotation file: it is read, or refused in one line; never a traceback."""

import copy
import json

import pytest
from annotation_sets import make_set, masks, picture
from test_labelme import mask_shape

from mmseg_plugins.data_prep.annotations import ReadOptions
from mmseg_plugins.data_prep.formats import FORMATS, place_images, read_annotations
from mmseg_plugins.structures.images import save_image
from mmseg_plugins.utils.errors import UserError

VALUES = [None, 'x', -1, 1e300, float('nan'), [], {'a': 1}]
DELETED = object()


def paths(content, path=()):
    """The places of a JSON document; of lists the first two."""
    yield path
    if isinstance(content, (dict, list)):
        for key in content if isinstance(content, dict) else range(min(2, len(content))):
            yield from paths(content[key], (*path, key))


def mutations(content):
    for path in paths(content):
        for value in [*VALUES, DELETED]:
            changed = copy.deepcopy(content)
            place = changed
            for key in path[:-1]:
                place = place[key]
            if not path:
                changed = None if value is DELETED else value
            elif value is DELETED:
                del place[path[-1]]
            else:
                place[path[-1]] = value
            yield path, value, changed


def write(name, out):
    made = make_set(out / 'source', names=('a.png',))
    place_images(made, out, 'copy')
    FORMATS[name].write(made, out)


def coco(folder):
    write('coco', folder)
    path = folder / 'annotations/instances_train.json'
    content = json.loads(path.read_text())
    content['annotations'][0]['segmentation'] = [[5, 5, 20, 5, 20, 20]]
    return folder / 'annotations', path, content


def predictions(folder):
    _, path, content = coco(folder)
    (folder / 'images.json').write_text(json.dumps({**content, 'annotations': []}))
    save_image(folder / 'a.png', picture())
    results = [{'image_id': 1, 'category_id': ann['category_id'], 'score': 0.5, 'segmentation': ann['segmentation']}
               for ann in content['annotations'][:2]]
    path.unlink()
    return folder, folder / 'predictions.json', results


def labelme(folder):
    save_image(folder / 'a.png', picture())
    shapes = [mask_shape(masks(0)[0]), {'label': 'cat', 'shape_type': 'circle', 'points': [[5, 5], [8, 8]]}]
    return folder, folder / 'a.json', {'imagePath': 'a.png', 'imageHeight': 48, 'imageWidth': 64, 'shapes': shapes}


def via(folder):
    save_image(folder / 'a.png', picture())
    shapes = [{'name': 'polygon', 'all_points_x': [1, 20, 20], 'all_points_y': [1, 1, 20]},
              {'name': 'ellipse', 'cx': 10, 'cy': 10, 'rx': 3, 'ry': 4, 'theta': 0.1}]
    regions = [{'shape_attributes': shape, 'region_attributes': {'k': 'cat'}} for shape in shapes]
    return folder, folder / 'via.json', {'a.png1': {'filename': 'a.png', 'regions': regions}}


def yolo(folder):
    write('yolo', folder)
    return folder, folder / 'data.yaml', {'train': 'images/train', 'val': ['images/train'], 'nc': 2,
                                          'names': {'0': 'cat', '1': 'dog'}}


def refusal(source, name, options):
    try:
        read_annotations(source, name, options)
    except UserError as error:
        return str(error)
    return None


@pytest.mark.parametrize(('make', 'name'), [
    (coco, 'coco'), (predictions, 'coco'), (labelme, 'labelme'), (via, 'via'), (yolo, 'yolo')],
    ids=['coco', 'predictions', 'labelme', 'via', 'yolo'])
def test_a_changed_field_is_read_or_refused_in_one_line(tmp_path, make, name):
    source, path, content = make(tmp_path)
    images = tmp_path / 'images/train'
    options = ReadOptions(class_attribute='k' if make is via else None,
                          image_dir=None if make is yolo else images if make is coco else source)
    path.write_text(json.dumps(content))
    _, read = read_annotations(source, name, options)
    assert sum(len(image.objects) for image in read.images()) >= 2
    refusals = []
    for place, value, changed in mutations(content):
        path.write_text(json.dumps(changed))  # JSON is YAML, too
        refusals.append((place, value, refusal(source, name, options)))
    unclear = [entry for entry in refusals if entry[2] is not None and ('\n' in entry[2] or 'Fix: ' not in entry[2])]
    assert unclear == []
    assert None in [text for *_, text in refusals]

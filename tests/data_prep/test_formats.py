"""Every format written and read again gives the same masks; what a source is, is told from its files."""

import json
import shlex
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from annotation_sets import H, W, content_of, make_set, masks

from mmseg_plugins.cli import convert_annotations as command
from mmseg_plugins.cli.frame import Command, parser_of
from mmseg_plugins.cli.main import main
from mmseg_plugins.data_prep.annotations import AnnotatedImage, AnnotatedObject, AnnotationSet, ReadOptions, divided
from mmseg_plugins.data_prep.formats import (
    FORMATS,
    ConversionJob,
    convert_annotations,
    detect_format,
    place_images,
    read_annotations,
    writable,
)
from mmseg_plugins.data_prep.names import output_stems
from mmseg_plugins.data_prep.yolo import joined
from mmseg_plugins.structures.rle import as_rle, decode_rle
from mmseg_plugins.utils.errors import UserError


def commands_of_the_page():
    text = (Path(__file__).resolve().parents[2] / 'docs/formats.md').read_text(encoding='utf-8').replace('\\\n', ' ')
    found = [shlex.split(line, comments=True)[1:] for line in text.splitlines()
             if line.startswith('mmseg-plugins convert-data')]
    assert len(found) > 8
    return found


def write(annotations, name, out):
    place_images(annotations, out, 'copy')
    FORMATS[name].write(annotations, out)


@pytest.mark.parametrize('name', writable())
@pytest.mark.parametrize('classes', [('cat', 'dog'), ('cell',)])
def test_out_and_in_gives_the_same_masks_to_the_pixel(tmp_path, name, classes):
    made = make_set(tmp_path / 'source', classes=classes)
    write(made, name, tmp_path / 'out')
    assert detect_format(tmp_path / 'out', ReadOptions()) == name
    _, again = read_annotations(tmp_path / 'out', 'auto', ReadOptions())
    assert content_of(again) == content_of(made)
    assert again.classes == list(classes)


@pytest.mark.parametrize('name', writable())
def test_a_chain_of_all_formats_gives_the_same_masks(tmp_path, name):
    made = make_set(tmp_path / 'source')
    write(made, name, tmp_path / 'first')
    for step, other in enumerate(writable()):
        source = tmp_path / ('first' if step == 0 else f'{step - 1}')
        convert_annotations(source, 'auto', ReadOptions(), ConversionJob(other, tmp_path / f'{step}', 'copy'))
    _, again = read_annotations(tmp_path / f'{len(writable()) - 1}', 'auto', ReadOptions())
    assert content_of(again) == content_of(made)


def test_drawn_outlines_move_by_less_than_a_hundredth_of_a_pixel(tmp_path):
    """The rule for polygons: a written point is at most 1/100 px from the drawn one."""
    random = np.random.default_rng(0)
    angles = np.sort(random.random(40)) * 2 * np.pi
    outline = np.stack([30 + 20 * np.cos(angles), 24 + 17 * np.sin(angles)], axis=1)
    made = make_set(tmp_path / 'source', names=('a.png',))
    (image,) = made.images()
    image.objects = [AnnotatedObject('cat', [outline])]
    for name in ('coco', 'yolo', 'labelme'):
        write(made, name, tmp_path / name)
        _, again = read_annotations(tmp_path / name, 'auto', ReadOptions(classes=['cat', 'dog']))
        (read,) = next(again.images()).objects
        assert read.outlines[0].shape == outline.shape
        assert np.abs(read.outlines[0] - outline).max() < 0.01
        differ = read.dense(H, W) != image.objects[0].dense(H, W)
        assert differ.sum() <= len(outline)


def test_parts_joined_by_seams_fill_the_same_pixels():
    for seed in range(20):
        outlines = AnnotatedObject('x', mask=None).outlines
        random = np.random.default_rng(seed)
        mask = random.random((20, 30)) < 0.4
        image = AnnotatedImage('x', Path('x'), 20, 30)
        image.add_mask('x', mask, None)
        outlines = image.objects[0].polygons()
        assert len(outlines) > 5
        again = decode_rle(as_rle([joined(outlines).ravel().tolist()], 20, 30)) > 0
        assert np.array_equal(again, mask)


def test_predictions_become_a_complete_coco_set(tmp_path):
    made = make_set(tmp_path / 'photos', score=0.75)
    write(made, 'coco', tmp_path / 'coco')
    content = json.loads((tmp_path / 'coco/annotations/instances_train.json').read_text())
    folder = tmp_path / 'predicted'
    folder.mkdir()
    (folder / 'images.json').write_text(json.dumps({**content, 'annotations': []}))
    results = [{key: ann[key] for key in ('image_id', 'category_id', 'bbox', 'score', 'segmentation')}
               for ann in content['annotations']]
    results[0]['score'] = 0.1
    (folder / 'predictions.json').write_text(json.dumps(results))
    words = ['convert-data', 'annotations', folder, '--image-dir', tmp_path / 'photos', '--to', 'coco', '--out-dir',
             tmp_path / 'whole', '--score-thr', '0.5', '--masks', 'polygons', '--images', 'copy']
    assert main([str(word) for word in words]) == 0
    whole = json.loads((tmp_path / 'whole/annotations/instances_default.json').read_text())
    assert sorted(whole) == ['annotations', 'categories', 'images', 'info', 'licenses']
    assert all(image['height'] and image['width'] for image in whole['images'])
    assert [ann['id'] for ann in whole['annotations']] == list(range(1, len(results)))
    assert {ann['score'] for ann in whole['annotations']} == {0.75}
    assert main([*map(str, words[:5]), '--to', 'yolo', '--out-dir', str(tmp_path / 'yolo')]) == 0
    assert (tmp_path / 'yolo/data.yaml').read_text().splitlines() == [
        'train: images/train', 'val: images/train', 'names:', '  0: "cat"', '  1: "dog"']
    for ann in whole['annotations']:
        assert isinstance(ann['segmentation'], list)
        again = decode_rle(as_rle(ann['segmentation'], H, W))
        assert again.sum() == ann['area']
    for image in whole['images']:
        assert (tmp_path / 'whole/images/default' / image['file_name']).is_file()


def test_a_file_of_crowds_alone_is_refused_or_read_as_objects(tmp_path):
    made = make_set(tmp_path / 'source', names=('a.png',))
    write(made, 'coco', tmp_path / 'coco')
    path = tmp_path / 'coco/annotations/instances_train.json'
    content = json.loads(path.read_text())
    for ann in content['annotations']:
        ann['iscrowd'] = 1
    path.write_text(json.dumps(content))
    with pytest.raises(UserError, match=r'all 3 annotations have iscrowd 1.*--crowds objects'):
        read_annotations(tmp_path / 'coco', 'auto', ReadOptions())
    _, read = read_annotations(tmp_path / 'coco', 'auto', ReadOptions(crowds_as_objects=True))
    assert content_of(read) == content_of(made)
    content['annotations'][0]['iscrowd'] = 0
    path.write_text(json.dumps(content))
    convert_annotations(tmp_path / 'coco', 'coco', ReadOptions(), ConversionJob('yolo', tmp_path / 'yolo'))
    assert len((tmp_path / 'yolo/labels/train/a.txt').read_text().splitlines()) == 1  # no other format has crowds


def test_ids_as_text_and_numbers_with_a_point_are_those_meant(tmp_path):
    made = make_set(tmp_path / 'source', names=('a.png',))
    write(made, 'coco', tmp_path / 'coco')
    path = tmp_path / 'coco/annotations/instances_train.json'
    content = json.loads(path.read_text())
    content['images'][0].update(width=float(W), height=str(H))
    for ann in content['annotations']:
        ann.update(image_id=1.0, category_id=str(ann['category_id']), iscrowd='0')
    path.write_text(json.dumps(content))
    _, read = read_annotations(tmp_path / 'coco', 'auto', ReadOptions())
    assert content_of(read) == content_of(made)


@pytest.mark.parametrize(('segmentation', 'text'), [
    ([[5, 5, 20, 5, 20, 20]], None),
    ([5, 5, 20, 5, 20, 20], None),
    ([[5, 5], [20, 5], [20, 20]], None),
    ([[[5, 5], [20, 5], [20, 20]]], None),
    ([[5, 5, 20, 5, 20, 20, 7]], 'odd number of coordinates'),
    ([[5, 5, 20, 'x', 20, 20]], 'no finite number'),
    ({'size': [W, H], 'counts': 'abc'}, 'size'),
    ('abc', 'polygon 0 must be a list'),
])
def test_polygons_of_every_nesting_are_read_and_others_named(tmp_path, segmentation, text):
    write(make_set(tmp_path / 'source', names=('a.png',)), 'coco', tmp_path / 'coco')
    path = tmp_path / 'coco/annotations/instances_train.json'
    content = json.loads(path.read_text())
    content['annotations'] = [{**content['annotations'][0], 'iscrowd': None, 'segmentation': segmentation}]
    path.write_text(json.dumps(content))
    if text is None:
        _, read = read_annotations(tmp_path / 'coco', 'auto', ReadOptions())
        assert next(read.images()).objects[0].outlines[0].tolist() == [[5, 5], [20, 5], [20, 20]]
        return
    with pytest.raises(UserError, match=text) as caught:
        read_annotations(tmp_path / 'coco', 'auto', ReadOptions())
    assert 'annotation 1' in str(caught.value)


@pytest.mark.parametrize(('options', 'text'), [
    (ReadOptions(image_dir=Path('x')), r'--image-dir has no meaning for yolo\. Rule: it is for coco, labelme'),
    (ReadOptions(background=[255]), '--background has no meaning'),
    (ReadOptions(crowds_as_objects=True), '--crowds objects has no meaning'),
])
def test_an_option_of_another_format_is_refused(tmp_path, options, text):
    write(make_set(tmp_path / 'source'), 'yolo', tmp_path / 'yolo')
    with pytest.raises(UserError, match=text):
        read_annotations(tmp_path / 'yolo', 'auto', options)
    read_annotations(tmp_path / 'yolo', 'auto', ReadOptions(background=[0]))


@pytest.mark.parametrize('command_line', commands_of_the_page(), ids=lambda words: ' '.join(words)[:60])
def test_commands_of_the_page_are_taken(command_line):
    parser, _ = parser_of(Command(command_line[1], '', 'convert_annotations'), 'x')
    assert command_line[0] == 'convert-data'
    assert parser.parse_args(command_line[2:]).to in writable()


def test_words_of_the_command_are_those_of_the_table():
    assert tuple(FORMATS) == command.FORMATS
    assert writable() == command.WRITTEN
    for name, one in FORMATS.items():
        line = next(line for line in command.__doc__.splitlines() if line.startswith(f'  {name} '))
        assert ('written' in line) == (one.write is not None)


def test_command_says_what_it_read_and_wrote(tmp_path, capsys):
    write(make_set(tmp_path / 'source'), 'labelme', tmp_path / 'in')
    words = ['convert-data', 'annotations', str(tmp_path / 'in'), '--to', 'yolo', '--out-dir', str(tmp_path / 'out')]
    assert main([*words, '--val-fraction', '0.34']) == 0
    said = capsys.readouterr().out
    assert '(labelme): 3 images (1 without an object), 6 objects of 2 classes' in said
    assert 'val: 1 images' in said
    assert (tmp_path / 'out/data.yaml').is_file()
    assert len(list((tmp_path / 'out/images/val').rglob('*.png'))) == 1


@pytest.mark.parametrize(('words', 'said'), [
    (['--to', 'yolo', '--masks', 'rle'], '--masks rle has no meaning for yolo'),
    (['--to', 'coco', '--score-thr', '2'], 'scores lie between 0 and 1'),
    (['--to', 'coco', '--id-divisor', '1'], '--id-divisor 1: at least 2'),
    (['--to', 'via'], "invalid choice: 'via'"),
    (['--to', 'coco'], 'does not exist'),
])
def test_wrong_words_are_refused(tmp_path, capsys, words, said):
    assert main(['convert-data', 'annotations', str(tmp_path / 'x'), '--out-dir', str(tmp_path / 'y'), *words]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert 'Traceback' not in error
    assert not (tmp_path / 'y').exists()


def test_a_set_with_splits_is_not_split_again(tmp_path):
    made = make_set(tmp_path)
    with pytest.raises(UserError, match='has the splits'):
        divided(AnnotationSet(made.classes, {'train': made.splits['train'], 'val': []}), 0.5, 0)


@pytest.mark.parametrize(('spoil', 'text'), [
    (lambda folder: folder.mkdir(), 'holds no image that is known by its name'),
    (lambda folder: None, 'does not exist'),
    (lambda folder: folder.write_text('x'), 'is no file of annotations'),
])
def test_a_source_of_no_format_is_refused(tmp_path, spoil, text):
    spoil(tmp_path / 'source')
    with pytest.raises(UserError, match=text) as caught:
        read_annotations(tmp_path / 'source', 'auto', ReadOptions())
    assert 'Fix' in str(caught.value)
    assert '\n' not in str(caught.value)


def test_out_into_the_source_is_refused(tmp_path):
    write(make_set(tmp_path / 'source'), 'yolo', tmp_path / 'yolo')
    with pytest.raises(UserError, match='is the source itself'):
        convert_annotations(tmp_path / 'yolo', 'auto', ReadOptions(), ConversionJob('coco', tmp_path / 'yolo'))


def test_images_of_one_name_in_two_splits_stay_two(tmp_path):
    """Roboflow's layout: a COCO file in each split's folder."""
    for split, seed in (('train', 0), ('valid', 1)):
        made = make_set(tmp_path / 'source' / split, names=('a.png', 'b.png')[seed:] + ('a.png',)[:seed])
        write(made, 'coco', tmp_path / 'one')
        content = json.loads((tmp_path / 'one/annotations/instances_train.json').read_text())
        (tmp_path / 'source' / split / '_annotations.coco.json').write_text(json.dumps(content))
    _, read = read_annotations(tmp_path / 'source', 'auto', ReadOptions())
    assert {split: len(images) for split, images in read.splits.items()} == {'train': 2, 'val': 2}
    for name in writable():
        convert_annotations(tmp_path / 'source', 'auto', ReadOptions(), ConversionJob(name, tmp_path / name, 'copy'))
        _, again = read_annotations(tmp_path / name, 'auto', ReadOptions())
        assert content_of(again) == content_of(read)


def test_a_name_in_the_other_form_of_accents_is_written_as_the_file_has_it(tmp_path):
    composed, decomposed = (unicodedata.normalize(form, 'é.png') for form in ('NFC', 'NFD'))
    made = make_set(tmp_path / 'source', names=(composed,))
    write(made, 'coco', tmp_path / 'coco')
    (tmp_path / 'coco/images/train' / composed).rename(tmp_path / 'coco/images/train' / decomposed)
    convert_annotations(tmp_path / 'coco', 'auto', ReadOptions(), ConversionJob('coco', tmp_path / 'out'))
    content = json.loads((tmp_path / 'out/annotations/instances_train.json').read_text(encoding='utf-8'))
    assert content['images'][0]['file_name'] == decomposed


def test_images_with_one_stem_keep_their_suffix(tmp_path):
    made = make_set(tmp_path / 'source', names=('a.png', 'a.jpg'))
    write(made, 'yolo', tmp_path / 'out')
    assert sorted(path.name for path in (tmp_path / 'out/labels/train').iterdir()) == ['a_jpg.txt', 'a_png.txt']
    assert output_stems(['a.jpg', 'b.png', 'a.png', 's/A.jpg']) == ['a_jpg', 'b', 'a_png', 's/A']
    assert output_stems(['a.jpg', 'a_jpg.png', 'a.png', 'A.png']) == ['a_jpg_2', 'a_jpg', 'a_png', 'A_png_2']


def test_overlapping_objects_are_counted_where_an_image_holds_one_number(tmp_path):
    made = make_set(tmp_path / 'source', names=('a.png',), classes=('cell',))
    (image,) = made.images()
    image.objects.append(AnnotatedObject('cell', mask=image.objects[0].mask, score=0.9))
    write(made, 'label-images', tmp_path / 'out')
    assert made.counts['pixels shared by objects given to one'] == masks(0)[0].sum()
    assert made.counts['objects covered by others'] == 1
